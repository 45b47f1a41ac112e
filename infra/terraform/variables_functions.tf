# Made of infra/template.yaml by `scripts/check-infra --generate`. Do not edit.

variable "authorizer_header" {
  type        = string
  description = "AUTHORIZER_HEADER: the header with the token or key, by which API Gateway caches; any is Authorization or x-api-key, uncached. Default: Authorization."
  default     = null

  validation {
    condition     = var.authorizer_header == null ? true : can(regex("^(?:^[A-Za-z0-9-]+$)$", var.authorizer_header))
    error_message = "authorizer_header must be the name of a header."
  }
}

variable "agent" {
  type        = string
  description = "AGENT: the agent's name, or some for tenants, such as echo,acme=process, or where a list of them is, such as s3:bucket/key. Default: echo."
  default     = null

  validation {
    condition     = var.agent == null ? true : can(regex("^(?:^\\S+$)$", var.agent))
    error_message = "agent must be names of agents without spaces."
  }
}

variable "agent_variables" {
  type        = string
  description = "AGENT_VARIABLES: the agents' own variables, as a JSON object of texts. No secrets: give references such as ssm:/my/key."
  default     = null

  validation {
    condition     = var.agent_variables == null ? true : can(regex("^(?:^$|^\\s*\\{[\\s\\S]*\\}\\s*$)$", var.agent_variables))
    error_message = "agent_variables must be a JSON object of texts, such as {\"MODEL_ID\": \"small\"}."
  }
}

variable "agent_command" {
  type        = string
  description = "AGENT_COMMAND: what the agent process starts: words with spaces, or a JSON array of texts."
  default     = null

  validation {
    condition     = var.agent_command == null ? true : can(regex("^(?:^$|^\\s*\\[[\\s\\S]*\\]\\s*$|^[^\\[\\\\'\"$`|&;<>]+$)$", var.agent_command))
    error_message = "agent_command must be words with spaces or a JSON array of texts."
  }
}

variable "a2a_agent_authorization" {
  type        = string
  description = "A2A_AGENT_AUTHORIZATION: the header Authorization of the calls of the agent a2a."
  default     = null
  sensitive   = true
}

variable "a2a_agent_semantics" {
  type        = string
  description = "A2A_AGENT_SEMANTICS: how often the agent a2a sends a message. Default: at-least-once."
  default     = null

  validation {
    condition     = var.a2a_agent_semantics == null ? true : contains(["at-least-once", "at-most-once"], var.a2a_agent_semantics)
    error_message = "a2a_agent_semantics must be at-least-once or at-most-once."
  }
}

variable "a2a_agent_stream_seconds" {
  type        = number
  description = "A2A_AGENT_STREAM_SECONDS: how long after a message the agent a2a follows the remote stream. 0 to 900. Default: 60."
  default     = null

  validation {
    condition     = var.a2a_agent_stream_seconds == null ? true : floor(var.a2a_agent_stream_seconds) == var.a2a_agent_stream_seconds && var.a2a_agent_stream_seconds >= 0 && var.a2a_agent_stream_seconds <= 900
    error_message = "a2a_agent_stream_seconds must be 0 to 900."
  }
}

variable "a2a_agent_forgotten" {
  type        = string
  description = "A2A_AGENT_FORGOTTEN: what the agent a2a does with a task that the remote agent has forgotten. Default: fail."
  default     = null

  validation {
    condition     = var.a2a_agent_forgotten == null ? true : contains(["fail", "send-again"], var.a2a_agent_forgotten)
    error_message = "a2a_agent_forgotten must be fail or send-again."
  }
}

variable "a2a_agent_card_keys" {
  type        = string
  description = "A2A_AGENT_CARD_KEYS: the public keys of which one must have signed the remote card of the agent a2a, as a JWK set."
  default     = null

  validation {
    condition     = var.a2a_agent_card_keys == null ? true : can(regex("^(?:^$|^\\s*\\{[\\s\\S]*\\}\\s*$)$", var.a2a_agent_card_keys))
    error_message = "a2a_agent_card_keys must be a JWK set."
  }
}

variable "http_agent_authorization" {
  type        = string
  description = "HTTP_AGENT_AUTHORIZATION: the header Authorization of the calls of the agent http, or sigv4 to sign them."
  default     = null
  sensitive   = true
}

variable "http_agent_contract" {
  type        = string
  description = "HTTP_AGENT_CONTRACT: what the agents speak that are called. Default: agentcore."
  default     = null

  validation {
    condition     = var.http_agent_contract == null ? true : contains(["agentcore", "openai", "ag-ui"], var.http_agent_contract)
    error_message = "http_agent_contract must be agentcore, openai or ag-ui."
  }
}

variable "http_agent_model" {
  type        = string
  description = "HTTP_AGENT_MODEL: with HttpAgentContract openai the model that is asked for."
  default     = null

  validation {
    condition     = var.http_agent_model == null ? true : can(regex("^(?:^$|^\\S+$)$", var.http_agent_model))
    error_message = "http_agent_model must be the name of a model."
  }
}

variable "http_agent_signing_keys" {
  type        = string
  description = "HTTP_AGENT_SIGNING_KEYS: the keys that sign the calls of agents by Standard Webhooks."
  default     = null
  sensitive   = true
}

variable "http_agent_callback_hours" {
  type        = number
  description = "HTTP_AGENT_CALLBACK_HOURS: how long an agent that answers a call with 202 may take. With 0 it gets no callback. 0 to 720. Default: 0."
  default     = null

  validation {
    condition     = var.http_agent_callback_hours == null ? true : floor(var.http_agent_callback_hours) == var.http_agent_callback_hours && var.http_agent_callback_hours >= 0 && var.http_agent_callback_hours <= 720
    error_message = "http_agent_callback_hours must be 0 to 720."
  }
}

variable "http_agent_semantics" {
  type        = string
  description = "HTTP_AGENT_SEMANTICS: how often an agent elsewhere or in a process is called for one turn. Default: at-least-once."
  default     = null

  validation {
    condition     = var.http_agent_semantics == null ? true : contains(["at-least-once", "at-most-once"], var.http_agent_semantics)
    error_message = "http_agent_semantics must be at-least-once or at-most-once."
  }
}

variable "http_agent_silence_seconds" {
  type        = number
  description = "HTTP_AGENT_SILENCE_SECONDS: how long an agent that is called may be silent. 1 to 900. Default: 300."
  default     = null

  validation {
    condition     = var.http_agent_silence_seconds == null ? true : floor(var.http_agent_silence_seconds) == var.http_agent_silence_seconds && var.http_agent_silence_seconds >= 1 && var.http_agent_silence_seconds <= 900
    error_message = "http_agent_silence_seconds must be 1 to 900."
  }
}

variable "allow_anonymous" {
  type        = bool
  description = "ALLOW_ANONYMOUS: true serves everybody as one owner. Needed with Authorizer none. Default: false."
  default     = null
}

variable "owner_claim" {
  type        = string
  description = "OWNER_CLAIM: the claim of a token, or the field of a Lambda authorizer's context, that names the owner. Default: sub."
  default     = null

  validation {
    condition     = var.owner_claim == null ? true : can(regex("^(?:^\\S+$)$", var.owner_claim))
    error_message = "owner_claim must be the name of a claim."
  }
}

variable "jwt_issuers" {
  type        = string
  description = "JWT_ISSUERS: with Authorizer jwt several issuers, each with its audiences."
  default     = null

  validation {
    condition     = var.jwt_issuers == null ? true : can(regex("^(?:^$|^\\s*https?://\\S+(\\s+(https?://\\S+|aud=\\S+|jwks=https?://\\S+))*\\s*$)$", var.jwt_issuers))
    error_message = "jwt_issuers must be issuers such as https://issuer.example aud=agents, with jwks= and a URL where discovery does not name it."
  }
}

variable "api_keys" {
  type        = bool
  description = "API_KEYS: with Authorizer jwt true takes API keys, too. With Authorizer key they are taken in any case. Default: false."
  default     = null
}

variable "required_scopes" {
  type        = string
  description = "REQUIRED_SCOPES: with Authorizer jwt or key the scopes that every caller must have."
  default     = null

  validation {
    condition     = var.required_scopes == null ? true : can(regex("^(?:^$|^\\S+( \\S+)*$)$", var.required_scopes))
    error_message = "required_scopes must be scopes with single spaces."
  }
}

variable "tenant_claim" {
  type        = string
  description = "TENANT_CLAIM: the claim or field that names the caller's only tenant."
  default     = null

  validation {
    condition     = var.tenant_claim == null ? true : can(regex("^(?:^$|^\\S+$)$", var.tenant_claim))
    error_message = "tenant_claim must be the name of a claim."
  }
}

variable "read_scope" {
  type        = string
  description = "READ_SCOPE: the scope that is needed to read and follow tasks."
  default     = null

  validation {
    condition     = var.read_scope == null ? true : can(regex("^(?:^$|^[!#-\\[\\]-~]+$)$", var.read_scope))
    error_message = "read_scope must be one scope."
  }
}

variable "send_scope" {
  type        = string
  description = "SEND_SCOPE: the scope that is needed to send messages."
  default     = null

  validation {
    condition     = var.send_scope == null ? true : can(regex("^(?:^$|^[!#-\\[\\]-~]+$)$", var.send_scope))
    error_message = "send_scope must be one scope."
  }
}

variable "cancel_scope" {
  type        = string
  description = "CANCEL_SCOPE: the scope that is needed to cancel tasks."
  default     = null

  validation {
    condition     = var.cancel_scope == null ? true : can(regex("^(?:^$|^[!#-\\[\\]-~]+$)$", var.cancel_scope))
    error_message = "cancel_scope must be one scope."
  }
}

variable "push_scope" {
  type        = string
  description = "PUSH_SCOPE: the scope that is needed for push configs."
  default     = null

  validation {
    condition     = var.push_scope == null ? true : can(regex("^(?:^$|^[!#-\\[\\]-~]+$)$", var.push_scope))
    error_message = "push_scope must be one scope."
  }
}

variable "requests_per_minute_per_owner" {
  type        = number
  description = "REQUESTS_PER_MINUTE_PER_OWNER: how many requests an owner may make in a minute; 0 for any number. Each request is then one more write of the table. 0 to 60000. Default: 0."
  default     = null

  validation {
    condition     = var.requests_per_minute_per_owner == null ? true : floor(var.requests_per_minute_per_owner) == var.requests_per_minute_per_owner && var.requests_per_minute_per_owner >= 0 && var.requests_per_minute_per_owner <= 60000
    error_message = "requests_per_minute_per_owner must be 0 to 60000."
  }
}

variable "max_open_streams_per_owner" {
  type        = number
  description = "MAX_OPEN_STREAMS_PER_OWNER: how many streams an owner may have open; 0 for any number. Each stream is then written of when it begins, when it ends, and three times a minute. 0 to 500. Default: 0."
  default     = null

  validation {
    condition     = var.max_open_streams_per_owner == null ? true : floor(var.max_open_streams_per_owner) == var.max_open_streams_per_owner && var.max_open_streams_per_owner >= 0 && var.max_open_streams_per_owner <= 500
    error_message = "max_open_streams_per_owner must be 0 to 500."
  }
}

variable "max_open_tasks_per_owner" {
  type        = number
  description = "MAX_OPEN_TASKS_PER_OWNER: how many tasks an owner may have that are not over; 0 for any number. Each new task is then one more write of the table. 0 to 1000. Default: 0."
  default     = null

  validation {
    condition     = var.max_open_tasks_per_owner == null ? true : floor(var.max_open_tasks_per_owner) == var.max_open_tasks_per_owner && var.max_open_tasks_per_owner >= 0 && var.max_open_tasks_per_owner <= 1000
    error_message = "max_open_tasks_per_owner must be 0 to 1000."
  }
}

variable "a2a_v03" {
  type        = bool
  description = "A2A_V0_3: false serves A2A 1.0 only. Default: true."
  default     = null
}

variable "alb_arn" {
  type        = string
  description = "ALB_ARN: the load balancer whose x-amzn-oidc-data names who has signed in."
  default     = null

  validation {
    condition     = var.alb_arn == null ? true : can(regex("^(?:^$|^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:\\d{12}:loadbalancer/app/[A-Za-z0-9-]+/[0-9a-f]+$)$", var.alb_arn))
    error_message = "alb_arn must be the ARN of an Application Load Balancer."
  }
}

variable "allowed_origins" {
  type        = string
  description = "ALLOWED_ORIGINS: the web pages that may call from a browser, as origins with commas, or * for all."
  default     = null

  validation {
    condition     = var.allowed_origins == null ? true : can(regex("^(?:^$|^\\*$|^https?://[^,/\\s*]+(,https?://[^,/\\s*]+)*$)$", var.allowed_origins))
    error_message = "allowed_origins must be origins with commas, such as https://app.example.com, or *."
  }
}

variable "keep_alive_seconds" {
  type        = number
  description = "KEEP_ALIVE_SECONDS: how long a stream is silent before it is given a comment. 1 to 900. Default: 15."
  default     = null

  validation {
    condition     = var.keep_alive_seconds == null ? true : floor(var.keep_alive_seconds) == var.keep_alive_seconds && var.keep_alive_seconds >= 1 && var.keep_alive_seconds <= 900
    error_message = "keep_alive_seconds must be 1 to 900."
  }
}

variable "max_stream_seconds" {
  type        = number
  description = "MAX_STREAM_SECONDS: the longest stream. 1 to 900. Default: 900."
  default     = null

  validation {
    condition     = var.max_stream_seconds == null ? true : floor(var.max_stream_seconds) == var.max_stream_seconds && var.max_stream_seconds >= 1 && var.max_stream_seconds <= 900
    error_message = "max_stream_seconds must be 1 to 900."
  }
}

variable "public_url" {
  type        = string
  description = "PUBLIC_URL: the URL at which clients reach the service, for the agent card. With DomainName it is that by itself."
  default     = null

  validation {
    condition     = var.public_url == null ? true : can(regex("^(?:^$|^https?://[^\\s?#@/]+(/[^\\s?#]*)?$)$", var.public_url))
    error_message = "public_url must be an http or https URL without a query, a fragment or a password."
  }
}

variable "callback_url" {
  type        = string
  description = "CALLBACK_URL: the URL at which webhook is reached, such as a domain in front of it. Without it that is the function's own URL."
  default     = null

  validation {
    condition     = var.callback_url == null ? true : can(regex("^(?:^$|^https://[^\\s?#@/]+(/[^\\s?#]*)?$)$", var.callback_url))
    error_message = "callback_url must be an https URL without a query, a fragment or a password."
  }
}

variable "base_path" {
  type        = string
  description = "BASE_PATH: what the front door leaves of the path of PUBLIC_URL."
  default     = null

  validation {
    condition     = var.base_path == null ? true : can(regex("^(?:^$|^/[^\\s?#]*$)$", var.base_path))
    error_message = "base_path must be a path such as /agents, or /."
  }
}

variable "max_body_bytes" {
  type        = number
  description = "MAX_BODY_BYTES: the largest body. 1024 to 6000000. Default: 1048576."
  default     = null

  validation {
    condition     = var.max_body_bytes == null ? true : floor(var.max_body_bytes) == var.max_body_bytes && var.max_body_bytes >= 1024 && var.max_body_bytes <= 6000000
    error_message = "max_body_bytes must be 1024 to 6000000."
  }
}

variable "card_max_age_seconds" {
  type        = number
  description = "CARD_MAX_AGE_SECONDS: how long clients may keep the agent card. 0 to 31536000. Default: 300."
  default     = null

  validation {
    condition     = var.card_max_age_seconds == null ? true : floor(var.card_max_age_seconds) == var.card_max_age_seconds && var.card_max_age_seconds >= 0 && var.card_max_age_seconds <= 31536000
    error_message = "card_max_age_seconds must be 0 to 31536000."
  }
}

variable "card_modified" {
  type        = string
  description = "CARD_MODIFIED: when the card was last changed."
  default     = null

  validation {
    condition     = var.card_modified == null ? true : can(regex("^(?:^$|^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$)$", var.card_modified))
    error_message = "card_modified must be a time such as 2026-01-31T12:00:00Z."
  }
}

variable "card_security_schemes" {
  type        = string
  description = "CARD_SECURITY_SCHEMES: the card's securitySchemes, as JSON."
  default     = null

  validation {
    condition     = var.card_security_schemes == null ? true : can(regex("^(?:^$|^\\s*\\{[\\s\\S]*\\}\\s*$)$", var.card_security_schemes))
    error_message = "card_security_schemes must be a JSON object."
  }
}

variable "card_security_requirements" {
  type        = string
  description = "CARD_SECURITY_REQUIREMENTS: the card's securityRequirements, as JSON."
  default     = null

  validation {
    condition     = var.card_security_requirements == null ? true : can(regex("^(?:^$|^\\s*\\[[\\s\\S]*\\]\\s*$)$", var.card_security_requirements))
    error_message = "card_security_requirements must be a JSON array."
  }
}

variable "card_signing_key" {
  type        = string
  description = "CARD_SIGNING_KEY: the private key that signs the card."
  default     = null
  sensitive   = true
}

variable "card_signing_key_id" {
  type        = string
  description = "CARD_SIGNING_KEY_ID: the kid of CardSigningKey."
  default     = null

  validation {
    condition     = var.card_signing_key_id == null ? true : length(var.card_signing_key_id) <= 256
    error_message = "card_signing_key_id must be at most 256 characters."
  }
}

variable "card_signing_jwks_url" {
  type        = string
  description = "CARD_SIGNING_JWKS_URL: where clients find the public key of CardSigningKey."
  default     = null

  validation {
    condition     = var.card_signing_jwks_url == null ? true : can(regex("^(?:^$|^https?://\\S+$)$", var.card_signing_jwks_url))
    error_message = "card_signing_jwks_url must be a URL."
  }
}

variable "push_kms_key" {
  type        = string
  description = "PUSH_KMS_KEY: the KMS key that seals the secrets of push configs; create makes one. Without it and PushSecretsKey there are no pushes."
  default     = null

  validation {
    condition     = var.push_kms_key == null ? true : can(regex("^(?:^$|^create$|^arn:[a-z-]+:kms:[a-z0-9-]+:\\d{12}:key/[A-Za-z0-9-]+$)$", var.push_kms_key))
    error_message = "push_kms_key must be create or the ARN of a KMS key."
  }
}

variable "push_secrets_key" {
  type        = string
  description = "PUSH_SECRETS_KEY: keys of one's own instead of PushKmsKey, or beside it."
  default     = null
  sensitive   = true
}

variable "push_signing_keys" {
  type        = string
  description = "PUSH_SIGNING_KEYS: the keys that sign pushes as Standard Webhooks."
  default     = null
  sensitive   = true
}

variable "push_jwt_key" {
  type        = string
  description = "PUSH_JWT_KEY: the private key of the tokens in pushes."
  default     = null
  sensitive   = true
}

variable "push_jwt_key_id" {
  type        = string
  description = "PUSH_JWT_KEY_ID: the kid of PushJwtKey."
  default     = null

  validation {
    condition     = var.push_jwt_key_id == null ? true : length(var.push_jwt_key_id) <= 256
    error_message = "push_jwt_key_id must be at most 256 characters."
  }
}

variable "push_allowed_hosts" {
  type        = string
  description = "PUSH_ALLOWED_HOSTS: the only hosts that are pushed to, with commas."
  default     = null

  validation {
    condition     = var.push_allowed_hosts == null ? true : can(regex("^(?:^$|^[^,\\s/]+(,[^,\\s/]+)*$)$", var.push_allowed_hosts))
    error_message = "push_allowed_hosts must be hosts with commas."
  }
}

variable "push_allow_http" {
  type        = bool
  description = "PUSH_ALLOW_HTTP: true pushes to http URLs, too. Default: false."
  default     = null
}

variable "push_allow_local" {
  type        = bool
  description = "PUSH_ALLOW_LOCAL: true pushes to private addresses, too. Default: false."
  default     = null
}

variable "push_challenge" {
  type        = bool
  description = "PUSH_CHALLENGE: true takes a URL only if its owner answers a challenge. Default: false."
  default     = null
}

variable "push_task" {
  type        = bool
  description = "PUSH_TASK: false leaves out the task that a new config is first sent. Default: true."
  default     = null
}

variable "push_artifacts" {
  type        = bool
  description = "PUSH_ARTIFACTS: false leaves out artifacts. Default: true."
  default     = null
}

variable "push_timeout_seconds" {
  type        = number
  description = "PUSH_TIMEOUT_SECONDS: how long a receiver may take to answer. 1 to 60. Default: 10."
  default     = null

  validation {
    condition     = var.push_timeout_seconds == null ? true : floor(var.push_timeout_seconds) == var.push_timeout_seconds && var.push_timeout_seconds >= 1 && var.push_timeout_seconds <= 60
    error_message = "push_timeout_seconds must be 1 to 60."
  }
}

variable "push_waits_seconds" {
  type        = string
  description = "PUSH_WAITS_SECONDS: the waits between the attempts at a receiver in trouble, with commas. Default: 5,30,120,600,3600,10800,28800,43200,50400,57600,61200."
  default     = null

  validation {
    condition     = var.push_waits_seconds == null ? true : can(regex("^(?:^\\s*\\d{1,6}\\s*(,\\s*\\d{1,6}\\s*){0,31}$)$", var.push_waits_seconds))
    error_message = "push_waits_seconds must be 1 to 32 whole numbers with commas."
  }
}

variable "push_claim_seconds" {
  type        = number
  description = "PUSH_CLAIM_SECONDS: how long a dead deliverer's claim blocks a new one; at least three times PushTimeoutSeconds. 4 to 900. Default: 30."
  default     = null

  validation {
    condition     = var.push_claim_seconds == null ? true : floor(var.push_claim_seconds) == var.push_claim_seconds && var.push_claim_seconds >= 4 && var.push_claim_seconds <= 900
    error_message = "push_claim_seconds must be 4 to 900."
  }
}

variable "signal_grace_seconds" {
  type        = number
  description = "SIGNAL_GRACE_SECONDS: how long a signal may take before the sweep sends another. 1 to 900. Default: 60."
  default     = null

  validation {
    condition     = var.signal_grace_seconds == null ? true : floor(var.signal_grace_seconds) == var.signal_grace_seconds && var.signal_grace_seconds >= 1 && var.signal_grace_seconds <= 900
    error_message = "signal_grace_seconds must be 1 to 900."
  }
}

variable "task_retention_days" {
  type        = number
  description = "TASK_RETENTION_DAYS: how many days a task is kept after its end, with all that is stored of it; 0 for ever. 0 to 3650. Default: 30."
  default     = null

  validation {
    condition     = var.task_retention_days == null ? true : floor(var.task_retention_days) == var.task_retention_days && var.task_retention_days >= 0 && var.task_retention_days <= 3650
    error_message = "task_retention_days must be 0 to 3650."
  }
}

variable "waiting_retention_days" {
  type        = number
  description = "WAITING_RETENTION_DAYS: how many days a task waits for its user before it is canceled; 0 for ever. 0 to 3650. Default: 90."
  default     = null

  validation {
    condition     = var.waiting_retention_days == null ? true : floor(var.waiting_retention_days) == var.waiting_retention_days && var.waiting_retention_days >= 0 && var.waiting_retention_days <= 3650
    error_message = "waiting_retention_days must be 0 to 3650."
  }
}

variable "stored_format" {
  type        = number
  description = "STORED_FORMAT: the newest format that items are written in. 3 during an upgrade from a release that does not read format 4: until then agents take no steps. 2 from one that does not read format 3; 1 from one that does not read format 2. 1 to 4. Default: 4."
  default     = null

  validation {
    condition     = var.stored_format == null ? true : floor(var.stored_format) == var.stored_format && var.stored_format >= 1 && var.stored_format <= 4
    error_message = "stored_format must be 1 to 4."
  }
}

variable "list_shards" {
  type        = number
  description = "LIST_SHARDS: over how many partitions of the list index an owner's tasks of a state are spread, each for 1,000 write units a second. Never make it smaller. 1 to 8. Default: 1."
  default     = null

  validation {
    condition     = var.list_shards == null ? true : floor(var.list_shards) == var.list_shards && var.list_shards >= 1 && var.list_shards <= 8
    error_message = "list_shards must be 1 to 8."
  }
}

variable "due_shards" {
  type        = number
  description = "DUE_SHARDS: over how many partitions of the due index open tasks are spread, each for 1,000 write units a second. It may be raised and lowered. 8 to 64. Default: 8."
  default     = null

  validation {
    condition     = var.due_shards == null ? true : floor(var.due_shards) == var.due_shards && var.due_shards >= 8 && var.due_shards <= 64
    error_message = "due_shards must be 8 to 64."
  }
}

variable "push_extra_roots" {
  type        = string
  description = "PUSH_EXTRA_ROOTS: root certificates that receivers' chains may end in, beside Mozilla's."
  default     = null

  validation {
    condition     = var.push_extra_roots == null ? true : can(regex("^(?:^$|^\\s*-----BEGIN CERTIFICATE-----[\\s\\S]+$)$", var.push_extra_roots))
    error_message = "push_extra_roots must be certificates as PEM."
  }
}

variable "blocking_wait_seconds" {
  type        = number
  description = "BLOCKING_WAIT_SECONDS: how long a sender is kept waiting for the answer. 0 to 900. Default: 25."
  default     = null

  validation {
    condition     = var.blocking_wait_seconds == null ? true : floor(var.blocking_wait_seconds) == var.blocking_wait_seconds && var.blocking_wait_seconds >= 0 && var.blocking_wait_seconds <= 900
    error_message = "blocking_wait_seconds must be 0 to 900."
  }
}

variable "lease_seconds" {
  type        = number
  description = "LEASE_SECONDS: how long a dead runner's task waits. 6 to 900. Default: 30."
  default     = null

  validation {
    condition     = var.lease_seconds == null ? true : floor(var.lease_seconds) == var.lease_seconds && var.lease_seconds >= 6 && var.lease_seconds <= 900
    error_message = "lease_seconds must be 6 to 900."
  }
}

variable "max_attempts" {
  type        = number
  description = "MAX_ATTEMPTS: how often a turn is tried. A record is received five times more before it is a dead letter. 1 to 100. Default: 5."
  default     = null

  validation {
    condition     = var.max_attempts == null ? true : floor(var.max_attempts) == var.max_attempts && var.max_attempts >= 1 && var.max_attempts <= 100
    error_message = "max_attempts must be 1 to 100."
  }
}

variable "unserved_tenant_hours" {
  type        = number
  description = "UNSERVED_TENANT_HOURS: how long a task waits whose tenant no agent serves any more. 0 lets it fail. 0 to 8760. Default: 0."
  default     = null

  validation {
    condition     = var.unserved_tenant_hours == null ? true : floor(var.unserved_tenant_hours) == var.unserved_tenant_hours && var.unserved_tenant_hours >= 0 && var.unserved_tenant_hours <= 8760
    error_message = "unserved_tenant_hours must be 0 to 8760."
  }
}

variable "memory_retention_days" {
  type        = number
  description = "MEMORY_RETENTION_DAYS: how many days the memory and the session of a conversation are kept after their last write; 0 for ever. 0 to 3650. Default: 90."
  default     = null

  validation {
    condition     = var.memory_retention_days == null ? true : floor(var.memory_retention_days) == var.memory_retention_days && var.memory_retention_days >= 0 && var.memory_retention_days <= 3650
    error_message = "memory_retention_days must be 0 to 3650."
  }
}

variable "inline" {
  type        = bool
  description = "INLINE: true runs the agent of a sender that waits in the invocation of request. Default: false."
  default     = null
}

variable "deduplicate_messages" {
  type        = bool
  description = "DEDUPLICATE_MESSAGES: true takes a repeated messageId of an owner for the same message. Default: false."
  default     = null
}

variable "log_level" {
  type        = string
  description = "LOG_LEVEL: how much the functions log. Default: info."
  default     = null

  validation {
    condition     = var.log_level == null ? true : contains(["error", "warn", "info", "debug", "trace"], var.log_level)
    error_message = "log_level must be error, warn, info, debug or trace."
  }
}

variable "metrics" {
  type        = string
  description = "METRICS: metrics of the functions' own. alarms: the three of the sweep that alarms watch. Each metric is billed. Default: off."
  default     = null

  validation {
    condition     = var.metrics == null ? true : contains(["off", "alarms", "all"], var.metrics)
    error_message = "metrics must be off, alarms or all."
  }
}

variable "traces" {
  type        = string
  description = "TRACES: where the spans of the functions go. otlp: to OtelExporterOtlpEndpoint. stdout: to the log. Default: off."
  default     = null

  validation {
    condition     = var.traces == null ? true : contains(["off", "otlp", "stdout"], var.traces)
    error_message = "traces must be off, otlp or stdout."
  }
}

variable "otel_exporter_otlp_endpoint" {
  type        = string
  description = "OTEL_EXPORTER_OTLP_ENDPOINT: the collector of spans, such as an extension. It takes OTLP as JSON. Default: http://localhost:4318."
  default     = null

  validation {
    condition     = var.otel_exporter_otlp_endpoint == null ? true : can(regex("^(?:^https?://[^\\s?@]+$)$", var.otel_exporter_otlp_endpoint))
    error_message = "otel_exporter_otlp_endpoint must be an http or https URL without a password or query."
  }
}

variable "powertools_service_name" {
  type        = string
  description = "POWERTOOLS_SERVICE_NAME: the service that log lines and metrics name. Default: a2a-lambda."
  default     = null

  validation {
    condition     = var.powertools_service_name == null ? true : can(regex("^(?:^[A-Za-z0-9._/#-]{1,255}$)$", var.powertools_service_name))
    error_message = "powertools_service_name must be at most 255 letters, digits and .-_/#."
  }
}

variable "powertools_metrics_namespace" {
  type        = string
  description = "POWERTOOLS_METRICS_NAMESPACE: the namespace of the metrics. Default: a2a-lambda."
  default     = null
}
