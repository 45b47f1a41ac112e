# What the module is given beside the template's parameters, which are in variables_*.tf.

variable "stack_name" {
  type        = string
  description = "The name of the CloudFormation stack."
  default     = "a2a-lambda"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,127}$", var.stack_name))
    error_message = "stack_name must be at most 128 letters, digits and hyphens, and begin with a letter."
  }
}

variable "code_bucket" {
  type        = string
  description = "The S3 bucket, of the stack's region, to which the zips and the template are uploaded."
}

variable "package_dir" {
  type        = string
  description = "The folder of zips that scripts/package made, such as target/package/arm64."

  validation {
    condition     = fileexists("${var.package_dir}/manifest.json")
    error_message = "package_dir has no manifest.json: run scripts/package, and name the folder of an architecture."
  }
}

variable "template_file" {
  type        = string
  description = "Another template than infra/template.yaml, such as a changed copy."
  default     = null
}

variable "tags" {
  type        = map(string)
  description = "Tags of the stack, which CloudFormation gives to what it makes."
  default     = {}
}

# The words of agent-kernel's modules.

variable "api_base_path" {
  type        = string
  description = "The first part of the API's path at domain_name, such as api."
  default     = null

  validation {
    condition     = try(length(var.api_base_path), 0) == 0 || try(length(var.domain_name), 0) > 0
    error_message = "api_base_path: only a domain has a path of its own. Set domain_name, or leave api_base_path out: the URL of the API is an output."
  }

  validation {
    condition     = try(length(var.api_base_path), 0) == 0 || try(length(var.domain_path), 0) == 0
    error_message = "api_base_path: domain_path has the whole path already. Give one of them."
  }

  validation {
    condition     = try(length(var.api_base_path), 0) == 0 || can(regex("^/*[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/*$", var.api_base_path))
    error_message = "api_base_path must be a path of letters, digits, dots, - and _, such as api or api/v1."
  }
}

variable "api_version" {
  type        = string
  description = "The second part of the API's path at domain_name, such as v1."
  default     = null

  validation {
    condition     = try(length(var.api_version), 0) == 0 || try(length(var.domain_name), 0) > 0
    error_message = "api_version: only a domain has a path of its own. Set domain_name, or leave api_version out: the URL of the API is an output."
  }

  validation {
    condition     = try(length(var.api_version), 0) == 0 || try(length(var.domain_path), 0) == 0
    error_message = "api_version: domain_path has the whole path already. Give one of them."
  }

  validation {
    condition     = try(length(var.api_version), 0) == 0 || can(regex("^/*[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/*$", var.api_version))
    error_message = "api_version must be a path of letters, digits, dots, - and _, such as api or api/v1."
  }
}

variable "agent_endpoint" {
  type        = string
  description = "The last part of the API's path at domain_name, such as chat."
  default     = null

  validation {
    condition     = try(length(var.agent_endpoint), 0) == 0 || try(length(var.domain_name), 0) > 0
    error_message = "agent_endpoint: only a domain has a path of its own. Set domain_name, or leave agent_endpoint out: the URL of the API is an output."
  }

  validation {
    condition     = try(length(var.agent_endpoint), 0) == 0 || try(length(var.domain_path), 0) == 0
    error_message = "agent_endpoint: domain_path has the whole path already. Give one of them."
  }

  validation {
    condition     = try(length(var.agent_endpoint), 0) == 0 || can(regex("^/*[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/*$", var.agent_endpoint))
    error_message = "agent_endpoint must be a path of letters, digits, dots, - and _, such as api or api/v1."
  }
}

variable "authorizer" {
  type = object({
    function_name         = string
    handler_path          = string
    package_type          = string
    package_path          = string
    module_name           = string
    description           = optional(string, "The authorizer of a2a-lambda's API")
    result_ttl_in_seconds = optional(number)
    environment_variables = optional(map(string), {})
    runtime               = optional(string, "python3.12")
    architecture          = optional(string, "x86_64")
    memory_size           = optional(number, 128)
    timeout               = optional(number, 30)
  })
  description = "A Lambda authorizer of your own code, which the module makes: of a zip on this machine (package_type LocalZip) or in S3 (S3Zip, with an s3:// URL as package_path)."
  default     = null

  validation {
    condition     = var.authorizer == null ? true : contains(["LocalZip", "S3Zip"], var.authorizer.package_type)
    error_message = "authorizer.package_type must be LocalZip or S3Zip. The module builds no images: make the function of the image yourself, and give its ARN as authorizer_function_arn, with authorizer_type lambda."
  }

  validation {
    condition     = try(var.authorizer.package_type, "") != "LocalZip" || try(fileexists(var.authorizer.package_path), false)
    error_message = "authorizer.package_path: there is no such file."
  }

  validation {
    condition     = try(var.authorizer.package_type, "") != "S3Zip" || can(regex("^s3://[^/]+/.+", var.authorizer.package_path))
    error_message = "authorizer.package_path must be s3://BUCKET/KEY with package_type S3Zip."
  }

  validation {
    condition     = var.authorizer == null ? true : can(regex("^[A-Za-z0-9_-]+$", "${var.authorizer.module_name}${var.authorizer.function_name}"))
    error_message = "authorizer.module_name and authorizer.function_name must be letters, digits, - and _: they are parts of the function's name."
  }

  validation {
    condition     = var.authorizer == null ? true : length("${var.stack_name}-${var.authorizer.module_name}-${var.authorizer.function_name}") <= 64
    error_message = "authorizer: stack_name, module_name and function_name have more than 62 characters in all, and Lambda takes no longer name."
  }

  validation {
    condition     = var.authorizer == null || var.front_door == null || var.front_door == "rest"
    error_message = "authorizer: only a REST API asks a Lambda authorizer. Leave front_door out, or set it to rest."
  }

  validation {
    condition     = var.authorizer == null || var.authorizer_type == null || var.authorizer_type == "lambda"
    error_message = "authorizer: leave authorizer_type out, or set it to lambda."
  }

  validation {
    condition     = var.authorizer == null || try(length(var.authorizer_function_arn), 0) == 0
    error_message = "authorizer: it makes the function that authorizer_function_arn would name. Give one of them."
  }

  validation {
    condition     = try(var.authorizer.result_ttl_in_seconds, null) == null ? true : var.authorizer.result_ttl_in_seconds >= 0 && var.authorizer.result_ttl_in_seconds <= 3600
    error_message = "authorizer.result_ttl_in_seconds must be 0 to 3600."
  }

  validation {
    condition     = try(var.authorizer.result_ttl_in_seconds, null) == null || var.authorizer_result_ttl_seconds == null
    error_message = "authorizer.result_ttl_in_seconds: authorizer_result_ttl_seconds says the same. Give one of them."
  }
}
