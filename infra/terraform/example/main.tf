# scripts/package && terraform -chdir=infra/terraform/example init && terraform -chdir=infra/terraform/example apply

provider "aws" {
  region = "eu-central-1"
}

resource "aws_s3_bucket" "code" {
  bucket_prefix = "a2a-lambda-"
}

module "agent" {
  source = "../"

  code_bucket  = aws_s3_bucket.code.bucket
  package_dir  = "${path.module}/../../../target/package/arm64"
  agent        = "echo"
  push_kms_key = "create"
}

output "url" {
  value = module.agent.url
}
