data "aws_s3_bucket" "code" {
  bucket = var.code_bucket
}

resource "aws_s3_object" "zip" {
  for_each = local.zips

  bucket = var.code_bucket
  key    = each.value.key
  source = each.value.path

  lifecycle {
    # CloudFormation may go back to the zip that it had.
    create_before_destroy = true

    precondition {
      condition     = filesha256(each.value.path) == each.value.sha256
      error_message = "${each.value.path} is not what manifest.json says: run scripts/package."
    }

    precondition {
      condition     = contains(keys(local.zip_parameters), each.key)
      error_message = "package_dir has a zip of ${each.key}, which the template does not know."
    }
  }
}

# The template is larger than what CloudFormation takes in a request.
resource "aws_s3_object" "template" {
  bucket = var.code_bucket
  key    = "a2a-lambda/${filesha256(local.template_file)}/template.yaml"
  source = local.template_file

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "this" {
  name         = var.stack_name
  template_url = "https://${data.aws_s3_bucket.code.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  parameters   = local.parameters
  # The template has roles, and is one of SAM, which CloudFormation expands.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  tags         = var.tags

  depends_on = [aws_s3_object.zip]

  lifecycle {
    precondition {
      condition     = length(local.plain_secrets) == 0
      error_message = "${join(", ", local.plain_secrets)} must be a reference, such as {{resolve:secretsmanager:NAME}}: Terraform would keep the secret in its state."
    }

    precondition {
      condition     = length(setsubtract(keys(local.zip_parameters), keys(local.zips))) == 0
      error_message = "package_dir has no zip of ${join(", ", setsubtract(keys(local.zip_parameters), keys(local.zips)))}: run scripts/package."
    }
  }
}
