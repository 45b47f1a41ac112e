# A Lambda authorizer of the user's own code. API Gateway may call it by a permission of the template.

locals {
  authorizer_name = var.authorizer == null ? null : "${var.stack_name}-${var.authorizer.module_name}-${var.authorizer.function_name}"
  authorizer_arn  = one(aws_lambda_function.authorizer[*].arn)
  authorizer_zip  = try(regex("^s3://(?P<bucket>[^/]+)/(?P<key>.+)$", var.authorizer.package_path), null)
}

data "aws_partition" "current" {}

resource "aws_iam_role" "authorizer" {
  count = var.authorizer == null ? 0 : 1

  name = local.authorizer_name
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "authorizer" {
  count = var.authorizer == null ? 0 : 1

  role       = aws_iam_role.authorizer[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "authorizer" {
  count = var.authorizer == null ? 0 : 1

  function_name    = local.authorizer_name
  description      = var.authorizer.description
  role             = aws_iam_role.authorizer[0].arn
  runtime          = var.authorizer.runtime
  architectures    = [var.authorizer.architecture]
  handler          = var.authorizer.handler_path
  memory_size      = var.authorizer.memory_size
  timeout          = var.authorizer.timeout
  filename         = var.authorizer.package_type == "LocalZip" ? var.authorizer.package_path : null
  source_code_hash = var.authorizer.package_type == "LocalZip" ? filebase64sha256(var.authorizer.package_path) : null
  s3_bucket        = var.authorizer.package_type == "S3Zip" ? local.authorizer_zip.bucket : null
  s3_key           = var.authorizer.package_type == "S3Zip" ? local.authorizer_zip.key : null
  tags             = var.tags

  environment {
    variables = var.authorizer.environment_variables
  }

  depends_on = [aws_iam_role_policy_attachment.authorizer]
}
