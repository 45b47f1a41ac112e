# Made of infra/template.yaml by `scripts/check-infra --generate`. Do not edit.

variable "front_door" {
  type        = string
  description = "rest: a REST API that streams. url: a Function URL that streams. http: an HTTP API, which does not stream. Default: rest."
  default     = null

  validation {
    condition     = var.front_door == null ? true : contains(["rest", "url", "http"], var.front_door)
    error_message = "front_door must be rest, url or http."
  }
}

variable "authorizer_type" {
  type        = string
  description = "Who says who calls. rest: iam, jwt, key, lambda or cognito. url: iam. http: iam, jwt, key or lambda. none needs AllowAnonymous. Default: iam."
  default     = null

  validation {
    condition     = var.authorizer_type == null ? true : contains(["iam", "jwt", "key", "lambda", "cognito", "none"], var.authorizer_type)
    error_message = "authorizer_type must be iam, jwt, key, lambda, cognito or none."
  }
}

variable "authorizer_function_arn" {
  type        = string
  description = "With Authorizer lambda the authorizer function."
  default     = null

  validation {
    condition     = var.authorizer_function_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:lambda:[a-z0-9-]+:\\d{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$)$", var.authorizer_function_arn))
    error_message = "authorizer_function_arn must be the ARN of a Lambda function."
  }
}

variable "authorizer_result_ttl_seconds" {
  type        = number
  description = "How long API Gateway keeps what an authorizer function has said of a token or key, at jwt, key and lambda. A revoked key is good for so long. 0 to 3600. Default: 300."
  default     = null

  validation {
    condition     = var.authorizer_result_ttl_seconds == null ? true : floor(var.authorizer_result_ttl_seconds) == var.authorizer_result_ttl_seconds && var.authorizer_result_ttl_seconds >= 0 && var.authorizer_result_ttl_seconds <= 3600
    error_message = "authorizer_result_ttl_seconds must be 0 to 3600."
  }
}

variable "user_pool_arn" {
  type        = string
  description = "With Authorizer cognito the user pool."
  default     = null

  validation {
    condition     = var.user_pool_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:\\d{12}:userpool/[A-Za-z0-9_-]+$)$", var.user_pool_arn))
    error_message = "user_pool_arn must be the ARN of a Cognito user pool."
  }
}

variable "jwt_issuer" {
  type        = string
  description = "With Authorizer jwt the issuer of the tokens, if there is one. JwtIssuers is for several."
  default     = null

  validation {
    condition     = var.jwt_issuer == null ? true : can(regex("^(?:^$|^https://\\S+$)$", var.jwt_issuer))
    error_message = "jwt_issuer must be an https URL."
  }
}

variable "jwt_audience" {
  type        = string
  description = "With JwtIssuer the audiences that are accepted, with commas."
  default     = null

  validation {
    condition     = var.jwt_audience == null ? true : can(regex("^(?:^$|^[^,\\s]+(,[^,\\s]+)*$)$", var.jwt_audience))
    error_message = "jwt_audience must be audiences with commas."
  }
}

variable "callbacks" {
  type        = bool
  description = "Whether there is the function webhook, which takes the answers to callbacks. Its Function URL is open: who answers shows a token that this deployment has sealed. Default: true."
  default     = null
}

variable "web_acl_arn" {
  type        = string
  description = "A web ACL of WAF in front of the REST API."
  default     = null

  validation {
    condition     = var.web_acl_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:wafv2:[a-z0-9-]+:\\d{12}:regional/webacl/.+$)$", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a regional web ACL."
  }
}

variable "domain_name" {
  type        = string
  description = "A domain of one's own for the REST or HTTP API."
  default     = null

  validation {
    condition     = var.domain_name == null ? true : can(regex("^(?:^$|^([a-z0-9-]+\\.)+[a-z]{2,}$)$", var.domain_name))
    error_message = "domain_name must be a domain name in small letters."
  }
}

variable "certificate_arn" {
  type        = string
  description = "The certificate of DomainName in this region."
  default     = null

  validation {
    condition     = var.certificate_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:acm:[a-z0-9-]+:\\d{12}:certificate/.+$)$", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of an ACM certificate."
  }
}

variable "domain_path" {
  type        = string
  description = "The path of DomainName at which the API is, such as api/v1; the whole domain if empty."
  default     = null

  validation {
    condition     = var.domain_path == null ? true : can(regex("^(?:^$|^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$)$", var.domain_path)) && length(var.domain_path) <= 300
    error_message = "domain_path must be a path without a slash at either end, such as api/v1."
  }
}

variable "hosted_zone_id" {
  type        = string
  description = "The Route 53 zone in which DomainName is to point to the API."
  default     = null

  validation {
    condition     = var.hosted_zone_id == null ? true : can(regex("^(?:^$|^Z[A-Z0-9]+$)$", var.hosted_zone_id))
    error_message = "hosted_zone_id must be the id of a hosted zone."
  }
}

variable "access_logs" {
  type        = string
  description = "A log of requests to the REST or HTTP API. A REST API needs the account's CloudWatch role of API Gateway: set-account-role makes and sets it, for all APIs of the region. Default: off."
  default     = null

  validation {
    condition     = var.access_logs == null ? true : contains(["off", "on", "set-account-role"], var.access_logs)
    error_message = "access_logs must be off, on or set-account-role."
  }
}

variable "request_memory" {
  type        = number
  description = "The memory of request in MB. 128 to 10240. Default: 512."
  default     = null

  validation {
    condition     = var.request_memory == null ? true : floor(var.request_memory) == var.request_memory && var.request_memory >= 128 && var.request_memory <= 10240
    error_message = "request_memory must be 128 to 10240."
  }
}

variable "sqs_executor_memory" {
  type        = number
  description = "The memory of sqs-executor in MB. 128 to 10240. Default: 512."
  default     = null

  validation {
    condition     = var.sqs_executor_memory == null ? true : floor(var.sqs_executor_memory) == var.sqs_executor_memory && var.sqs_executor_memory >= 128 && var.sqs_executor_memory <= 10240
    error_message = "sqs_executor_memory must be 128 to 10240."
  }
}

variable "recovery_memory" {
  type        = number
  description = "The memory of stream-recovery and scheduled-recovery in MB. 128 to 10240. Default: 256."
  default     = null

  validation {
    condition     = var.recovery_memory == null ? true : floor(var.recovery_memory) == var.recovery_memory && var.recovery_memory >= 128 && var.recovery_memory <= 10240
    error_message = "recovery_memory must be 128 to 10240."
  }
}

variable "authorizer_memory" {
  type        = number
  description = "The memory of authorizer in MB. 128 to 10240. Default: 256."
  default     = null

  validation {
    condition     = var.authorizer_memory == null ? true : floor(var.authorizer_memory) == var.authorizer_memory && var.authorizer_memory >= 128 && var.authorizer_memory <= 10240
    error_message = "authorizer_memory must be 128 to 10240."
  }
}

variable "webhook_memory" {
  type        = number
  description = "The memory of webhook in MB. 128 to 10240. Default: 256."
  default     = null

  validation {
    condition     = var.webhook_memory == null ? true : floor(var.webhook_memory) == var.webhook_memory && var.webhook_memory >= 128 && var.webhook_memory <= 10240
    error_message = "webhook_memory must be 128 to 10240."
  }
}

variable "sqs_executor_runtime" {
  type        = string
  description = "The runtime of sqs-executor. With Python or Node.js, which the agent process can need, the bootstrap in its zip takes the place of the runtime. Default: provided.al2023."
  default     = null

  validation {
    condition     = var.sqs_executor_runtime == null ? true : contains(["provided.al2023", "python3.12", "python3.13", "python3.14", "nodejs22.x", "nodejs24.x"], var.sqs_executor_runtime)
    error_message = "sqs_executor_runtime must be provided.al2023, python3.12, python3.13, python3.14, nodejs22.x or nodejs24.x."
  }
}

variable "sqs_executor_image" {
  type        = string
  description = "A container image in ECR of this region, for the Architecture, that sqs-executor is in place of its zip, as its URI with a tag or digest."
  default     = null

  validation {
    condition     = var.sqs_executor_image == null ? true : can(regex("^(?:^$|^\\d{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9][a-z0-9._/-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$)$", var.sqs_executor_image))
    error_message = "sqs_executor_image must be the URI of an image in ECR with its tag or digest."
  }
}

variable "sqs_executor_timeout" {
  type        = number
  description = "How long an invocation of sqs-executor may take in seconds. 30 to 900. Default: 900."
  default     = null

  validation {
    condition     = var.sqs_executor_timeout == null ? true : floor(var.sqs_executor_timeout) == var.sqs_executor_timeout && var.sqs_executor_timeout >= 30 && var.sqs_executor_timeout <= 900
    error_message = "sqs_executor_timeout must be 30 to 900."
  }
}

variable "sqs_executor_batch_size" {
  type        = number
  description = "How many tasks share an invocation of sqs-executor, at most. 1 to 10. Default: 10."
  default     = null

  validation {
    condition     = var.sqs_executor_batch_size == null ? true : floor(var.sqs_executor_batch_size) == var.sqs_executor_batch_size && var.sqs_executor_batch_size >= 1 && var.sqs_executor_batch_size <= 10
    error_message = "sqs_executor_batch_size must be 1 to 10."
  }
}

variable "sqs_executor_max_concurrency" {
  type        = string
  description = "How many invocations of sqs-executor the queue starts at once at most; the account's limit if empty."
  default     = null

  validation {
    condition     = var.sqs_executor_max_concurrency == null ? true : can(regex("^(?:^$|^([2-9]|[1-9]\\d{1,2}|1000)$)$", var.sqs_executor_max_concurrency))
    error_message = "sqs_executor_max_concurrency must be 2 to 1000."
  }
}

variable "sqs_executor_min_pollers" {
  type        = string
  description = "How many event pollers of the queue are always ready, each for 10 invocations of sqs-executor at once: AWS's provisioned mode, billed by poller and hour. Without it 5 invocations at once, and 300 more each minute."
  default     = null

  validation {
    condition     = var.sqs_executor_min_pollers == null ? true : can(regex("^(?:^$|^([2-9]|[1-9]\\d|1\\d\\d|200)$)$", var.sqs_executor_min_pollers))
    error_message = "sqs_executor_min_pollers must be 2 to 200."
  }
}

variable "sqs_executor_max_pollers" {
  type        = string
  description = "How many event pollers of the queue there are at most, with SqsExecutorMinPollers and no fewer than those."
  default     = null

  validation {
    condition     = var.sqs_executor_max_pollers == null ? true : can(regex("^(?:^$|^([2-9]|[1-9]\\d{1,2}|1\\d{3}|2000)$)$", var.sqs_executor_max_pollers))
    error_message = "sqs_executor_max_pollers must be 2 to 2000."
  }
}

variable "request_reserved_concurrency" {
  type        = string
  description = "The reserved concurrency of request; none if empty."
  default     = null

  validation {
    condition     = var.request_reserved_concurrency == null ? true : can(regex("^(?:^$|^[1-9]\\d{0,4}$)$", var.request_reserved_concurrency))
    error_message = "request_reserved_concurrency must be a whole number."
  }
}

variable "sqs_executor_reserved_concurrency" {
  type        = string
  description = "The reserved concurrency of sqs-executor; none if empty."
  default     = null

  validation {
    condition     = var.sqs_executor_reserved_concurrency == null ? true : can(regex("^(?:^$|^[1-9]\\d{0,4}$)$", var.sqs_executor_reserved_concurrency))
    error_message = "sqs_executor_reserved_concurrency must be a whole number."
  }
}

variable "stream_recovery_reserved_concurrency" {
  type        = string
  description = "The reserved concurrency of stream-recovery; none if empty."
  default     = null

  validation {
    condition     = var.stream_recovery_reserved_concurrency == null ? true : can(regex("^(?:^$|^[1-9]\\d{0,4}$)$", var.stream_recovery_reserved_concurrency))
    error_message = "stream_recovery_reserved_concurrency must be a whole number."
  }
}

variable "scheduled_recovery_reserved_concurrency" {
  type        = string
  description = "The reserved concurrency of scheduled-recovery; none if empty."
  default     = null

  validation {
    condition     = var.scheduled_recovery_reserved_concurrency == null ? true : can(regex("^(?:^$|^[1-9]\\d{0,4}$)$", var.scheduled_recovery_reserved_concurrency))
    error_message = "scheduled_recovery_reserved_concurrency must be a whole number."
  }
}

variable "authorizer_reserved_concurrency" {
  type        = string
  description = "The reserved concurrency of authorizer; none if empty."
  default     = null

  validation {
    condition     = var.authorizer_reserved_concurrency == null ? true : can(regex("^(?:^$|^[1-9]\\d{0,4}$)$", var.authorizer_reserved_concurrency))
    error_message = "authorizer_reserved_concurrency must be a whole number."
  }
}

variable "webhook_reserved_concurrency" {
  type        = string
  description = "The reserved concurrency of webhook; none if empty. It bounds what strangers can cost who call its open URL."
  default     = null

  validation {
    condition     = var.webhook_reserved_concurrency == null ? true : can(regex("^(?:^$|^[1-9]\\d{0,4}$)$", var.webhook_reserved_concurrency))
    error_message = "webhook_reserved_concurrency must be a whole number."
  }
}

variable "request_provisioned_concurrency" {
  type        = string
  description = "The provisioned concurrency of request; none if empty. Needs Revision."
  default     = null

  validation {
    condition     = var.request_provisioned_concurrency == null ? true : can(regex("^(?:^$|^[1-9]\\d{0,4}$)$", var.request_provisioned_concurrency))
    error_message = "request_provisioned_concurrency must be a whole number."
  }
}

variable "sqs_executor_provisioned_concurrency" {
  type        = string
  description = "The provisioned concurrency of sqs-executor; none if empty. Needs Revision."
  default     = null

  validation {
    condition     = var.sqs_executor_provisioned_concurrency == null ? true : can(regex("^(?:^$|^[1-9]\\d{0,4}$)$", var.sqs_executor_provisioned_concurrency))
    error_message = "sqs_executor_provisioned_concurrency must be a whole number."
  }
}

variable "canary" {
  type        = string
  description = "How CodeDeploy shifts request and sqs-executor to a new version. Needs Revision. Default: off."
  default     = null

  validation {
    condition     = var.canary == null ? true : contains(["off", "Canary10Percent5Minutes", "Canary10Percent10Minutes", "Canary10Percent15Minutes", "Canary10Percent30Minutes", "Linear10PercentEvery1Minute", "Linear10PercentEvery2Minutes", "Linear10PercentEvery3Minutes", "Linear10PercentEvery10Minutes"], var.canary)
    error_message = "canary must be off or a deployment configuration of CodeDeploy."
  }
}

variable "revision" {
  type        = string
  description = "The name of this deployment. A new one publishes a new version of request and sqs-executor; needed with Canary or provisioned concurrency only."
  default     = null

  validation {
    condition     = var.revision == null ? true : can(regex("^(?:^[A-Za-z0-9._-]{0,64}$)$", var.revision))
    error_message = "revision must be at most 64 letters, digits, ., _ and -."
  }
}

variable "keep_warm" {
  type        = bool
  description = "true calls request every five minutes. Default: false."
  default     = null
}

variable "subnet_ids" {
  type        = string
  description = "The subnets of the functions, with commas; no VPC if empty."
  default     = null

  validation {
    condition     = var.subnet_ids == null ? true : can(regex("^(?:^$|^subnet-[a-z0-9]+(,subnet-[a-z0-9]+)*$)$", var.subnet_ids))
    error_message = "subnet_ids must be ids of subnets with commas."
  }
}

variable "security_group_ids" {
  type        = string
  description = "The security groups of the functions in SubnetIds, with commas."
  default     = null

  validation {
    condition     = var.security_group_ids == null ? true : can(regex("^(?:^$|^sg-[a-z0-9]+(,sg-[a-z0-9]+)*$)$", var.security_group_ids))
    error_message = "security_group_ids must be ids of security groups with commas."
  }
}

variable "existing_table" {
  type        = string
  description = "The name of a table that is there already, such as one restored from a backup; a new one if empty."
  default     = null

  validation {
    condition     = var.existing_table == null ? true : can(regex("^(?:^$|^[A-Za-z0-9_.-]{3,255}$)$", var.existing_table))
    error_message = "existing_table must be the name of a table of this region."
  }
}

variable "existing_table_stream_arn" {
  type        = string
  description = "The ARN of the stream (NEW_IMAGE) of ExistingTable."
  default     = null

  validation {
    condition     = var.existing_table_stream_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:dynamodb:[a-z0-9-]+:\\d{12}:table/[A-Za-z0-9_.-]+/stream/.+$)$", var.existing_table_stream_arn))
    error_message = "existing_table_stream_arn must be the ARN of a stream of DynamoDB."
  }
}

variable "deletion_protection" {
  type        = bool
  description = "Whether DynamoDB refuses to delete the table. Default: true."
  default     = null
}

variable "point_in_time_recovery" {
  type        = bool
  description = "Whether the table can be restored to any second of the last 35 days. Default: true."
  default     = null
}

variable "kms_key_arn" {
  type        = string
  description = "A KMS key of one's own for the table, the queues, the logs and the variables; AWS's keys if empty."
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:kms:[a-z0-9-]+:\\d{12}:key/[A-Za-z0-9-]+$)$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "ssm_parameter_arns" {
  type        = string
  description = "The parameters of Systems Manager that secrets such as PushJwtKey name by ssm:/path, as ARNs with commas."
  default     = null

  validation {
    condition     = var.ssm_parameter_arns == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:ssm:[^,\\s]+(,arn:[a-z-]+:ssm:[^,\\s]+)*$)$", var.ssm_parameter_arns))
    error_message = "ssm_parameter_arns must be ARNs of parameters with commas."
  }
}

variable "secret_arns" {
  type        = string
  description = "The secrets of Secrets Manager that secrets such as PushJwtKey name by secretsmanager:name#key, as ARNs with commas."
  default     = null

  validation {
    condition     = var.secret_arns == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:secretsmanager:[^,\\s]+(,arn:[a-z-]+:secretsmanager:[^,\\s]+)*$)$", var.secret_arns))
    error_message = "secret_arns must be ARNs of secrets with commas."
  }
}

variable "secret_key_arns" {
  type        = string
  description = "The KMS keys of one's own that encrypt what SsmParameterArns, SecretArns and AgentListArn name, as ARNs with commas."
  default     = null

  validation {
    condition     = var.secret_key_arns == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:kms:[^,\\s]+(,arn:[a-z-]+:kms:[^,\\s]+)*$)$", var.secret_key_arns))
    error_message = "secret_key_arns must be ARNs of keys with commas."
  }
}

variable "agent_list_arn" {
  type        = string
  description = "The object of S3 that Agent names by s3:bucket/key, as its ARN. request and sqs-executor may read it."
  default     = null

  validation {
    condition     = var.agent_list_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}/[^*?$\\s]+$)$", var.agent_list_arn))
    error_message = "agent_list_arn must be the ARN of an object of S3, such as arn:aws:s3:::my-bucket/agents.json."
  }
}

variable "active_tracing" {
  type        = bool
  description = "Whether Lambda writes segments of the functions' invocations to X-Ray. Default: false."
  default     = null
}

variable "log_retention_days" {
  type        = number
  description = "How many days logs are kept. Default: 30."
  default     = null

  validation {
    condition     = var.log_retention_days == null ? true : contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a number of days that CloudWatch Logs takes."
  }
}

variable "alarms" {
  type        = bool
  description = "Whether there are alarms. Default: true."
  default     = null
}

variable "alarm_topic" {
  type        = string
  description = "The ARN of the SNS topic that alarms go to."
  default     = null

  validation {
    condition     = var.alarm_topic == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:sns:[a-z0-9-]+:\\d{12}:[A-Za-z0-9_-]+$)$", var.alarm_topic))
    error_message = "alarm_topic must be the ARN of an SNS topic."
  }
}

variable "alarm_email" {
  type        = string
  description = "The e-mail address that alarms go to, by a topic of the stack's own. AWS asks there for a confirmation."
  default     = null

  validation {
    condition     = var.alarm_email == null ? true : can(regex("^(?:^$|^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$)$", var.alarm_email))
    error_message = "alarm_email must be an e-mail address."
  }
}

variable "dashboard" {
  type        = bool
  description = "Whether there is a dashboard of CloudWatch. Default: false."
  default     = null
}

variable "agent_policy_arn" {
  type        = string
  description = "A managed policy with the rights that the agents need, for the role of sqs-executor."
  default     = null

  validation {
    condition     = var.agent_policy_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/\\S+$)$", var.agent_policy_arn))
    error_message = "agent_policy_arn must be the ARN of a managed policy."
  }
}

variable "agent_function_arns" {
  type        = string
  description = "The functions that agents may invoke: those of AGENT lambda, and of function URLs with sigv4, as ARNs with commas."
  default     = null

  validation {
    condition     = var.agent_function_arns == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:lambda:[^,\\s]+(,arn:[a-z-]+:lambda:[^,\\s]+)*$)$", var.agent_function_arns))
    error_message = "agent_function_arns must be ARNs of functions with commas."
  }
}

variable "agent_runtime_arns" {
  type        = string
  description = "The agent runtimes of Bedrock AgentCore, and their endpoints, that agents may invoke, as ARNs with commas."
  default     = null

  validation {
    condition     = var.agent_runtime_arns == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:bedrock-agentcore:[^,\\s]+(,arn:[a-z-]+:bedrock-agentcore:[^,\\s]+)*$)$", var.agent_runtime_arns))
    error_message = "agent_runtime_arns must be ARNs of agent runtimes with commas."
  }
}
