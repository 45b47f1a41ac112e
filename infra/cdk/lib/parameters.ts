// Made of infra/template.yaml by `scripts/check-infra --generate`. Do not edit.

/** The template's parameters. One that is not given has the template's default. */
export interface Parameters {
  /**
   * rest: a REST API that streams. url: a Function URL that streams. http: an HTTP API, which does
   * not stream. Default: rest.
   */
  readonly frontDoor?: 'rest' | 'url' | 'http';
  /**
   * Who says who calls. rest: iam, jwt, key, lambda or cognito. url: iam. http: iam, jwt, key or
   * lambda. none needs AllowAnonymous. Default: iam.
   */
  readonly authorizer?: 'iam' | 'jwt' | 'key' | 'lambda' | 'cognito' | 'none';
  /** With Authorizer lambda the authorizer function. */
  readonly authorizerFunctionArn?: string;
  /**
   * How long API Gateway keeps what an authorizer function has said of a token or key, at jwt, key
   * and lambda. A revoked key is good for so long. 0 to 3600. Default: 300.
   */
  readonly authorizerResultTtlSeconds?: number;
  /** With Authorizer cognito the user pool. */
  readonly userPoolArn?: string;
  /**
   * AUTHORIZER_HEADER: the header with the token or key, by which API Gateway caches; any is
   * Authorization or x-api-key, uncached. Default: Authorization.
   */
  readonly authorizerHeader?: string;
  /** With Authorizer jwt the issuer of the tokens, if there is one. JwtIssuers is for several. */
  readonly jwtIssuer?: string;
  /** With JwtIssuer the audiences that are accepted, with commas. */
  readonly jwtAudience?: string;
  /**
   * Whether there is the function webhook, which takes the answers to callbacks. Its Function URL
   * is open: who answers shows a token that this deployment has sealed. Default: true.
   */
  readonly callbacks?: boolean;
  /** A web ACL of WAF in front of the REST API. */
  readonly webAclArn?: string;
  /** A domain of one's own for the REST or HTTP API. */
  readonly domainName?: string;
  /** The certificate of DomainName in this region. */
  readonly certificateArn?: string;
  /** The path of DomainName at which the API is, such as api/v1; the whole domain if empty. */
  readonly domainPath?: string;
  /** The Route 53 zone in which DomainName is to point to the API. */
  readonly hostedZoneId?: string;
  /**
   * A log of requests to the REST or HTTP API. A REST API needs the account's CloudWatch role of
   * API Gateway: set-account-role makes and sets it, for all APIs of the region. Default: off.
   */
  readonly accessLogs?: 'off' | 'on' | 'set-account-role';
  /** The memory of request in MB. 128 to 10240. Default: 512. */
  readonly requestMemory?: number;
  /** The memory of sqs-executor in MB. 128 to 10240. Default: 512. */
  readonly sqsExecutorMemory?: number;
  /** The memory of stream-recovery and scheduled-recovery in MB. 128 to 10240. Default: 256. */
  readonly recoveryMemory?: number;
  /** The memory of authorizer in MB. 128 to 10240. Default: 256. */
  readonly authorizerMemory?: number;
  /** The memory of webhook in MB. 128 to 10240. Default: 256. */
  readonly webhookMemory?: number;
  /**
   * The runtime of sqs-executor. With Python or Node.js, which the agent process can need, the
   * bootstrap in its zip takes the place of the runtime. Default: provided.al2023.
   */
  readonly sqsExecutorRuntime?: 'provided.al2023' | 'python3.12' | 'python3.13' | 'python3.14' | 'nodejs22.x' | 'nodejs24.x';
  /**
   * A container image in ECR of this region, for the Architecture, that sqs-executor is in place
   * of its zip, as its URI with a tag or digest.
   */
  readonly sqsExecutorImage?: string;
  /** How long an invocation of sqs-executor may take in seconds. 30 to 900. Default: 900. */
  readonly sqsExecutorTimeout?: number;
  /** How many tasks share an invocation of sqs-executor, at most. 1 to 10. Default: 10. */
  readonly sqsExecutorBatchSize?: number;
  /**
   * How many invocations of sqs-executor the queue starts at once at most; the account's limit if
   * empty.
   */
  readonly sqsExecutorMaxConcurrency?: string;
  /**
   * How many event pollers of the queue are always ready, each for 10 invocations of sqs-executor
   * at once: AWS's provisioned mode, billed by poller and hour. Without it 5 invocations at once,
   * and 300 more each minute.
   */
  readonly sqsExecutorMinPollers?: string;
  /**
   * How many event pollers of the queue there are at most, with SqsExecutorMinPollers and no fewer
   * than those.
   */
  readonly sqsExecutorMaxPollers?: string;
  /** The reserved concurrency of request; none if empty. */
  readonly requestReservedConcurrency?: string;
  /** The reserved concurrency of sqs-executor; none if empty. */
  readonly sqsExecutorReservedConcurrency?: string;
  /** The reserved concurrency of stream-recovery; none if empty. */
  readonly streamRecoveryReservedConcurrency?: string;
  /** The reserved concurrency of scheduled-recovery; none if empty. */
  readonly scheduledRecoveryReservedConcurrency?: string;
  /** The reserved concurrency of authorizer; none if empty. */
  readonly authorizerReservedConcurrency?: string;
  /**
   * The reserved concurrency of webhook; none if empty. It bounds what strangers can cost who call
   * its open URL.
   */
  readonly webhookReservedConcurrency?: string;
  /** The provisioned concurrency of request; none if empty. Needs Revision. */
  readonly requestProvisionedConcurrency?: string;
  /** The provisioned concurrency of sqs-executor; none if empty. Needs Revision. */
  readonly sqsExecutorProvisionedConcurrency?: string;
  /** How CodeDeploy shifts request and sqs-executor to a new version. Needs Revision. Default: off. */
  readonly canary?: 'off' | 'Canary10Percent5Minutes' | 'Canary10Percent10Minutes' | 'Canary10Percent15Minutes' | 'Canary10Percent30Minutes' | 'Linear10PercentEvery1Minute' | 'Linear10PercentEvery2Minutes' | 'Linear10PercentEvery3Minutes' | 'Linear10PercentEvery10Minutes';
  /**
   * The name of this deployment. A new one publishes a new version of request and sqs-executor;
   * needed with Canary or provisioned concurrency only.
   */
  readonly revision?: string;
  /** true calls request every five minutes. Default: false. */
  readonly keepWarm?: boolean;
  /** The subnets of the functions, with commas; no VPC if empty. */
  readonly subnetIds?: string;
  /** The security groups of the functions in SubnetIds, with commas. */
  readonly securityGroupIds?: string;
  /**
   * The name of a table that is there already, such as one restored from a backup; a new one if
   * empty.
   */
  readonly existingTable?: string;
  /** The ARN of the stream (NEW_IMAGE) of ExistingTable. */
  readonly existingTableStreamArn?: string;
  /** Whether DynamoDB refuses to delete the table. Default: true. */
  readonly deletionProtection?: boolean;
  /** Whether the table can be restored to any second of the last 35 days. Default: true. */
  readonly pointInTimeRecovery?: boolean;
  /**
   * A KMS key of one's own for the table, the queues, the logs and the variables; AWS's keys if
   * empty.
   */
  readonly kmsKeyArn?: string;
  /**
   * The parameters of Systems Manager that secrets such as PushJwtKey name by ssm:/path, as ARNs
   * with commas.
   */
  readonly ssmParameterArns?: string;
  /**
   * The secrets of Secrets Manager that secrets such as PushJwtKey name by
   * secretsmanager:name#key, as ARNs with commas.
   */
  readonly secretArns?: string;
  /**
   * The KMS keys of one's own that encrypt what SsmParameterArns, SecretArns and AgentListArn
   * name, as ARNs with commas.
   */
  readonly secretKeyArns?: string;
  /**
   * The object of S3 that Agent names by s3:bucket/key, as its ARN. request and sqs-executor may
   * read it.
   */
  readonly agentListArn?: string;
  /** Whether Lambda writes segments of the functions' invocations to X-Ray. Default: false. */
  readonly activeTracing?: boolean;
  /** How many days logs are kept. Default: 30. */
  readonly logRetentionDays?: number;
  /** Whether there are alarms. Default: true. */
  readonly alarms?: boolean;
  /** The ARN of the SNS topic that alarms go to. */
  readonly alarmTopic?: string;
  /**
   * The e-mail address that alarms go to, by a topic of the stack's own. AWS asks there for a
   * confirmation.
   */
  readonly alarmEmail?: string;
  /** Whether there is a dashboard of CloudWatch. Default: false. */
  readonly dashboard?: boolean;
  /**
   * AGENT: the agent's name, or some for tenants, such as echo,acme=process, or where a list of
   * them is, such as s3:bucket/key. Default: echo.
   */
  readonly agent?: string;
  /**
   * AGENT_VARIABLES: the agents' own variables, as a JSON object of texts. No secrets: give
   * references such as ssm:/my/key.
   */
  readonly agentVariables?: string;
  /** AGENT_COMMAND: what the agent process starts: words with spaces, or a JSON array of texts. */
  readonly agentCommand?: string;
  /** A2A_AGENT_AUTHORIZATION: the header Authorization of the calls of the agent a2a. */
  readonly a2aAgentAuthorization?: string;
  /** A2A_AGENT_SEMANTICS: how often the agent a2a sends a message. Default: at-least-once. */
  readonly a2aAgentSemantics?: 'at-least-once' | 'at-most-once';
  /**
   * A2A_AGENT_STREAM_SECONDS: how long after a message the agent a2a follows the remote stream. 0
   * to 900. Default: 60.
   */
  readonly a2aAgentStreamSeconds?: number;
  /**
   * A2A_AGENT_FORGOTTEN: what the agent a2a does with a task that the remote agent has forgotten.
   * Default: fail.
   */
  readonly a2aAgentForgotten?: 'fail' | 'send-again';
  /**
   * A2A_AGENT_CARD_KEYS: the public keys of which one must have signed the remote card of the
   * agent a2a, as a JWK set.
   */
  readonly a2aAgentCardKeys?: string;
  /**
   * HTTP_AGENT_AUTHORIZATION: the header Authorization of the calls of the agent http, or sigv4 to
   * sign them.
   */
  readonly httpAgentAuthorization?: string;
  /** HTTP_AGENT_CONTRACT: what the agents speak that are called. Default: agentcore. */
  readonly httpAgentContract?: 'agentcore' | 'openai' | 'ag-ui';
  /** HTTP_AGENT_MODEL: with HttpAgentContract openai the model that is asked for. */
  readonly httpAgentModel?: string;
  /** HTTP_AGENT_SIGNING_KEYS: the keys that sign the calls of agents by Standard Webhooks. */
  readonly httpAgentSigningKeys?: string;
  /**
   * HTTP_AGENT_CALLBACK_HOURS: how long an agent that answers a call with 202 may take. With 0 it
   * gets no callback. 0 to 720. Default: 0.
   */
  readonly httpAgentCallbackHours?: number;
  /**
   * HTTP_AGENT_SEMANTICS: how often an agent elsewhere or in a process is called for one turn.
   * Default: at-least-once.
   */
  readonly httpAgentSemantics?: 'at-least-once' | 'at-most-once';
  /**
   * HTTP_AGENT_SILENCE_SECONDS: how long an agent that is called may be silent. 1 to 900. Default:
   * 300.
   */
  readonly httpAgentSilenceSeconds?: number;
  /** A managed policy with the rights that the agents need, for the role of sqs-executor. */
  readonly agentPolicyArn?: string;
  /**
   * The functions that agents may invoke: those of AGENT lambda, and of function URLs with sigv4,
   * as ARNs with commas.
   */
  readonly agentFunctionArns?: string;
  /**
   * The agent runtimes of Bedrock AgentCore, and their endpoints, that agents may invoke, as ARNs
   * with commas.
   */
  readonly agentRuntimeArns?: string;
  /**
   * ALLOW_ANONYMOUS: true serves everybody as one owner. Needed with Authorizer none. Default:
   * false.
   */
  readonly allowAnonymous?: boolean;
  /**
   * OWNER_CLAIM: the claim of a token, or the field of a Lambda authorizer's context, that names
   * the owner. Default: sub.
   */
  readonly ownerClaim?: string;
  /** JWT_ISSUERS: with Authorizer jwt several issuers, each with its audiences. */
  readonly jwtIssuers?: string;
  /**
   * API_KEYS: with Authorizer jwt true takes API keys, too. With Authorizer key they are taken in
   * any case. Default: false.
   */
  readonly apiKeys?: boolean;
  /** REQUIRED_SCOPES: with Authorizer jwt or key the scopes that every caller must have. */
  readonly requiredScopes?: string;
  /** TENANT_CLAIM: the claim or field that names the caller's only tenant. */
  readonly tenantClaim?: string;
  /** READ_SCOPE: the scope that is needed to read and follow tasks. */
  readonly readScope?: string;
  /** SEND_SCOPE: the scope that is needed to send messages. */
  readonly sendScope?: string;
  /** CANCEL_SCOPE: the scope that is needed to cancel tasks. */
  readonly cancelScope?: string;
  /** PUSH_SCOPE: the scope that is needed for push configs. */
  readonly pushScope?: string;
  /**
   * REQUESTS_PER_MINUTE_PER_OWNER: how many requests an owner may make in a minute; 0 for any
   * number. Each request is then one more write of the table. 0 to 60000. Default: 0.
   */
  readonly requestsPerMinutePerOwner?: number;
  /**
   * MAX_OPEN_STREAMS_PER_OWNER: how many streams an owner may have open; 0 for any number. Each
   * stream is then written of when it begins, when it ends, and three times a minute. 0 to 500.
   * Default: 0.
   */
  readonly maxOpenStreamsPerOwner?: number;
  /**
   * MAX_OPEN_TASKS_PER_OWNER: how many tasks an owner may have that are not over; 0 for any
   * number. Each new task is then one more write of the table. 0 to 1000. Default: 0.
   */
  readonly maxOpenTasksPerOwner?: number;
  /** A2A_V0_3: false serves A2A 1.0 only. Default: true. */
  readonly a2aV03?: boolean;
  /** ALB_ARN: the load balancer whose x-amzn-oidc-data names who has signed in. */
  readonly albArn?: string;
  /**
   * ALLOWED_ORIGINS: the web pages that may call from a browser, as origins with commas, or * for
   * all.
   */
  readonly allowedOrigins?: string;
  /**
   * KEEP_ALIVE_SECONDS: how long a stream is silent before it is given a comment. 1 to 900.
   * Default: 15.
   */
  readonly keepAliveSeconds?: number;
  /** MAX_STREAM_SECONDS: the longest stream. 1 to 900. Default: 900. */
  readonly maxStreamSeconds?: number;
  /**
   * PUBLIC_URL: the URL at which clients reach the service, for the agent card. With DomainName it
   * is that by itself.
   */
  readonly publicUrl?: string;
  /**
   * CALLBACK_URL: the URL at which webhook is reached, such as a domain in front of it. Without it
   * that is the function's own URL.
   */
  readonly callbackUrl?: string;
  /** BASE_PATH: what the front door leaves of the path of PUBLIC_URL. */
  readonly basePath?: string;
  /** MAX_BODY_BYTES: the largest body. 1024 to 6000000. Default: 1048576. */
  readonly maxBodyBytes?: number;
  /** CARD_MAX_AGE_SECONDS: how long clients may keep the agent card. 0 to 31536000. Default: 300. */
  readonly cardMaxAgeSeconds?: number;
  /** CARD_MODIFIED: when the card was last changed. */
  readonly cardModified?: string;
  /** CARD_SECURITY_SCHEMES: the card's securitySchemes, as JSON. */
  readonly cardSecuritySchemes?: string;
  /** CARD_SECURITY_REQUIREMENTS: the card's securityRequirements, as JSON. */
  readonly cardSecurityRequirements?: string;
  /** CARD_SIGNING_KEY: the private key that signs the card. */
  readonly cardSigningKey?: string;
  /** CARD_SIGNING_KEY_ID: the kid of CardSigningKey. */
  readonly cardSigningKeyId?: string;
  /** CARD_SIGNING_JWKS_URL: where clients find the public key of CardSigningKey. */
  readonly cardSigningJwksUrl?: string;
  /**
   * PUSH_KMS_KEY: the KMS key that seals the secrets of push configs; create makes one. Without it
   * and PushSecretsKey there are no pushes.
   */
  readonly pushKmsKey?: string;
  /** PUSH_SECRETS_KEY: keys of one's own instead of PushKmsKey, or beside it. */
  readonly pushSecretsKey?: string;
  /** PUSH_SIGNING_KEYS: the keys that sign pushes as Standard Webhooks. */
  readonly pushSigningKeys?: string;
  /** PUSH_JWT_KEY: the private key of the tokens in pushes. */
  readonly pushJwtKey?: string;
  /** PUSH_JWT_KEY_ID: the kid of PushJwtKey. */
  readonly pushJwtKeyId?: string;
  /** PUSH_ALLOWED_HOSTS: the only hosts that are pushed to, with commas. */
  readonly pushAllowedHosts?: string;
  /** PUSH_ALLOW_HTTP: true pushes to http URLs, too. Default: false. */
  readonly pushAllowHttp?: boolean;
  /** PUSH_ALLOW_LOCAL: true pushes to private addresses, too. Default: false. */
  readonly pushAllowLocal?: boolean;
  /** PUSH_CHALLENGE: true takes a URL only if its owner answers a challenge. Default: false. */
  readonly pushChallenge?: boolean;
  /** PUSH_TASK: false leaves out the task that a new config is first sent. Default: true. */
  readonly pushTask?: boolean;
  /** PUSH_ARTIFACTS: false leaves out artifacts. Default: true. */
  readonly pushArtifacts?: boolean;
  /** PUSH_TIMEOUT_SECONDS: how long a receiver may take to answer. 1 to 60. Default: 10. */
  readonly pushTimeoutSeconds?: number;
  /**
   * PUSH_WAITS_SECONDS: the waits between the attempts at a receiver in trouble, with commas.
   * Default: 5,30,120,600,3600,10800,28800,43200,50400,57600,61200.
   */
  readonly pushWaitsSeconds?: string;
  /**
   * PUSH_CLAIM_SECONDS: how long a dead deliverer's claim blocks a new one; at least three times
   * PushTimeoutSeconds. 4 to 900. Default: 30.
   */
  readonly pushClaimSeconds?: number;
  /**
   * SIGNAL_GRACE_SECONDS: how long a signal may take before the sweep sends another. 1 to 900.
   * Default: 60.
   */
  readonly signalGraceSeconds?: number;
  /**
   * TASK_RETENTION_DAYS: how many days a task is kept after its end, with all that is stored of
   * it; 0 for ever. 0 to 3650. Default: 30.
   */
  readonly taskRetentionDays?: number;
  /**
   * WAITING_RETENTION_DAYS: how many days a task waits for its user before it is canceled; 0 for
   * ever. 0 to 3650. Default: 90.
   */
  readonly waitingRetentionDays?: number;
  /**
   * STORED_FORMAT: the newest format that items are written in. 3 during an upgrade from a release
   * that does not read format 4: until then agents take no steps. 2 from one that does not read
   * format 3; 1 from one that does not read format 2. 1 to 4. Default: 4.
   */
  readonly storedFormat?: number;
  /**
   * LIST_SHARDS: over how many partitions of the list index an owner's tasks of a state are
   * spread, each for 1,000 write units a second. Never make it smaller. 1 to 8. Default: 1.
   */
  readonly listShards?: number;
  /**
   * DUE_SHARDS: over how many partitions of the due index open tasks are spread, each for 1,000
   * write units a second. It may be raised and lowered. 8 to 64. Default: 8.
   */
  readonly dueShards?: number;
  /** PUSH_EXTRA_ROOTS: root certificates that receivers' chains may end in, beside Mozilla's. */
  readonly pushExtraRoots?: string;
  /**
   * BLOCKING_WAIT_SECONDS: how long a sender is kept waiting for the answer. 0 to 900. Default:
   * 25.
   */
  readonly blockingWaitSeconds?: number;
  /** LEASE_SECONDS: how long a dead runner's task waits. 6 to 900. Default: 30. */
  readonly leaseSeconds?: number;
  /**
   * MAX_ATTEMPTS: how often a turn is tried. A record is received five times more before it is a
   * dead letter. 1 to 100. Default: 5.
   */
  readonly maxAttempts?: number;
  /**
   * UNSERVED_TENANT_HOURS: how long a task waits whose tenant no agent serves any more. 0 lets it
   * fail. 0 to 8760. Default: 0.
   */
  readonly unservedTenantHours?: number;
  /**
   * MEMORY_RETENTION_DAYS: how many days the memory and the session of a conversation are kept
   * after their last write; 0 for ever. 0 to 3650. Default: 90.
   */
  readonly memoryRetentionDays?: number;
  /**
   * INLINE: true runs the agent of a sender that waits in the invocation of request. Default:
   * false.
   */
  readonly inline?: boolean;
  /**
   * DEDUPLICATE_MESSAGES: true takes a repeated messageId of an owner for the same message.
   * Default: false.
   */
  readonly deduplicateMessages?: boolean;
  /** LOG_LEVEL: how much the functions log. Default: info. */
  readonly logLevel?: 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /**
   * METRICS: metrics of the functions' own. alarms: the three of the sweep that alarms watch. Each
   * metric is billed. Default: off.
   */
  readonly metrics?: 'off' | 'alarms' | 'all';
  /**
   * TRACES: where the spans of the functions go. otlp: to OtelExporterOtlpEndpoint. stdout: to the
   * log. Default: off.
   */
  readonly traces?: 'off' | 'otlp' | 'stdout';
  /**
   * OTEL_EXPORTER_OTLP_ENDPOINT: the collector of spans, such as an extension. It takes OTLP as
   * JSON. Default: http://localhost:4318.
   */
  readonly otelExporterOtlpEndpoint?: string;
  /** POWERTOOLS_SERVICE_NAME: the service that log lines and metrics name. Default: a2a-lambda. */
  readonly powertoolsServiceName?: string;
  /** POWERTOOLS_METRICS_NAMESPACE: the namespace of the metrics. Default: a2a-lambda. */
  readonly powertoolsMetricsNamespace?: string;
}

/** The functions, and the parameter that names the zip of each. */
export const ZIPS: Readonly<Record<string, string>> = {
  'request': 'RequestKey',
  'sqs-executor': 'SqsExecutorKey',
  'stream-recovery': 'StreamRecoveryKey',
  'scheduled-recovery': 'ScheduledRecoveryKey',
  'authorizer': 'AuthorizerKey',
  'webhook': 'WebhookKey',
};
