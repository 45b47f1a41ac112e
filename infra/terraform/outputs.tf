output "url" {
  description = "Where clients reach the service."
  value       = aws_cloudformation_stack.this.outputs["Url"]
}

output "outputs" {
  description = "The outputs of the template, such as TableName."
  value       = aws_cloudformation_stack.this.outputs
}

output "authorizer_function_name" {
  description = "The name of the function that authorizer has the module make."
  value       = local.authorizer_name
}
