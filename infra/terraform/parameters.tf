# Made of infra/template.yaml by `scripts/check-infra --generate`. Do not edit.

locals {
  # What is null has the template's default.
  given = {
    FrontDoor                            = var.front_door
    Authorizer                           = var.authorizer_type
    AuthorizerFunctionArn                = var.authorizer_function_arn
    AuthorizerResultTtlSeconds           = var.authorizer_result_ttl_seconds
    UserPoolArn                          = var.user_pool_arn
    AuthorizerHeader                     = var.authorizer_header
    JwtIssuer                            = var.jwt_issuer
    JwtAudience                          = var.jwt_audience
    WebAclArn                            = var.web_acl_arn
    DomainName                           = var.domain_name
    CertificateArn                       = var.certificate_arn
    DomainPath                           = var.domain_path
    HostedZoneId                         = var.hosted_zone_id
    AccessLogs                           = var.access_logs
    RequestMemory                        = var.request_memory
    SqsExecutorMemory                    = var.sqs_executor_memory
    RecoveryMemory                       = var.recovery_memory
    AuthorizerMemory                     = var.authorizer_memory
    SqsExecutorTimeout                   = var.sqs_executor_timeout
    SqsExecutorBatchSize                 = var.sqs_executor_batch_size
    SqsExecutorMaxConcurrency            = var.sqs_executor_max_concurrency
    RequestReservedConcurrency           = var.request_reserved_concurrency
    SqsExecutorReservedConcurrency       = var.sqs_executor_reserved_concurrency
    StreamRecoveryReservedConcurrency    = var.stream_recovery_reserved_concurrency
    ScheduledRecoveryReservedConcurrency = var.scheduled_recovery_reserved_concurrency
    AuthorizerReservedConcurrency        = var.authorizer_reserved_concurrency
    RequestProvisionedConcurrency        = var.request_provisioned_concurrency
    SqsExecutorProvisionedConcurrency    = var.sqs_executor_provisioned_concurrency
    Canary                               = var.canary
    Revision                             = var.revision
    KeepWarm                             = var.keep_warm
    SubnetIds                            = var.subnet_ids
    SecurityGroupIds                     = var.security_group_ids
    ExistingTable                        = var.existing_table
    ExistingTableStreamArn               = var.existing_table_stream_arn
    DeletionProtection                   = var.deletion_protection
    PointInTimeRecovery                  = var.point_in_time_recovery
    KmsKeyArn                            = var.kms_key_arn
    SsmParameterArns                     = var.ssm_parameter_arns
    SecretArns                           = var.secret_arns
    SecretKeyArns                        = var.secret_key_arns
    ActiveTracing                        = var.active_tracing
    LogRetentionDays                     = var.log_retention_days
    Alarms                               = var.alarms
    AlarmTopic                           = var.alarm_topic
    AlarmEmail                           = var.alarm_email
    Dashboard                            = var.dashboard
    Agent                                = var.agent
    AllowAnonymous                       = var.allow_anonymous
    OwnerClaim                           = var.owner_claim
    JwtIssuers                           = var.jwt_issuers
    ApiKeys                              = var.api_keys
    RequiredScopes                       = var.required_scopes
    TenantClaim                          = var.tenant_claim
    ReadScope                            = var.read_scope
    SendScope                            = var.send_scope
    CancelScope                          = var.cancel_scope
    PushScope                            = var.push_scope
    RequestsPerMinutePerOwner            = var.requests_per_minute_per_owner
    MaxOpenStreamsPerOwner               = var.max_open_streams_per_owner
    MaxOpenTasksPerOwner                 = var.max_open_tasks_per_owner
    A2aV03                               = var.a2a_v03
    AlbArn                               = var.alb_arn
    AllowedOrigins                       = var.allowed_origins
    KeepAliveSeconds                     = var.keep_alive_seconds
    MaxStreamSeconds                     = var.max_stream_seconds
    PublicUrl                            = var.public_url
    BasePath                             = var.base_path
    MaxBodyBytes                         = var.max_body_bytes
    CardMaxAgeSeconds                    = var.card_max_age_seconds
    CardModified                         = var.card_modified
    CardSecuritySchemes                  = var.card_security_schemes
    CardSecurityRequirements             = var.card_security_requirements
    CardSigningKey                       = var.card_signing_key
    CardSigningKeyId                     = var.card_signing_key_id
    CardSigningJwksUrl                   = var.card_signing_jwks_url
    PushKmsKey                           = var.push_kms_key
    PushSecretsKey                       = var.push_secrets_key
    PushSigningKeys                      = var.push_signing_keys
    PushJwtKey                           = var.push_jwt_key
    PushJwtKeyId                         = var.push_jwt_key_id
    PushAllowedHosts                     = var.push_allowed_hosts
    PushAllowHttp                        = var.push_allow_http
    PushAllowLocal                       = var.push_allow_local
    PushChallenge                        = var.push_challenge
    PushTask                             = var.push_task
    PushArtifacts                        = var.push_artifacts
    PushTimeoutSeconds                   = var.push_timeout_seconds
    PushWaitsSeconds                     = var.push_waits_seconds
    PushClaimSeconds                     = var.push_claim_seconds
    SignalGraceSeconds                   = var.signal_grace_seconds
    PushExtraRoots                       = var.push_extra_roots
    BlockingWaitSeconds                  = var.blocking_wait_seconds
    LeaseSeconds                         = var.lease_seconds
    MaxAttempts                          = var.max_attempts
    DeduplicateMessages                  = var.deduplicate_messages
    LogLevel                             = var.log_level
    Metrics                              = var.metrics
    Traces                               = var.traces
    OtelExporterOtlpEndpoint             = var.otel_exporter_otlp_endpoint
    PowertoolsServiceName                = var.powertools_service_name
    PowertoolsMetricsNamespace           = var.powertools_metrics_namespace
  }

  # The functions, and the parameter that names the zip of each.
  zip_parameters = {
    "request"            = "RequestKey"
    "sqs-executor"       = "SqsExecutorKey"
    "stream-recovery"    = "StreamRecoveryKey"
    "scheduled-recovery" = "ScheduledRecoveryKey"
    "authorizer"         = "AuthorizerKey"
  }

  # The parameters that are secret.
  secrets = {
    CardSigningKey  = "card_signing_key"
    PushSecretsKey  = "push_secrets_key"
    PushSigningKeys = "push_signing_keys"
    PushJwtKey      = "push_jwt_key"
  }
}
