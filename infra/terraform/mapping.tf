# What the template's parameters are. Nothing here asks AWS.

locals {
  template_file = coalesce(var.template_file, "${path.module}/../template.yaml")

  manifest = jsondecode(file("${var.package_dir}/manifest.json"))
  zips = {
    for name, made in local.manifest.functions : name => {
      path   = "${var.package_dir}/${made.file}"
      sha256 = made.sha256
      # As scripts/deploy names them: by their bytes, so that none is ever overwritten.
      key = "a2a-lambda/${made.sha256}/${name}.zip"
    }
  }

  # agent-kernel puts these below the stage of its API. Here they are the path of a domain.
  words = [
    for word in [var.api_base_path, var.api_version, var.agent_endpoint] : trim(word, "/")
    if try(length(word), 0) > 0
  ]
  of_words      = length(local.words) == 0 ? {} : { DomainPath = join("/", local.words) }
  of_authorizer = var.authorizer == null ? {} : { Authorizer = "lambda", AuthorizerFunctionArn = local.authorizer_arn }
  ttl           = try(var.authorizer.result_ttl_in_seconds, null)
  of_ttl        = local.ttl == null ? {} : { AuthorizerResultTtlSeconds = tostring(local.ttl) }

  # A value that is given is passed on. It is no secret whether a secret is given.
  of_variables = {
    for name, value in local.given : name => tostring(value) if nonsensitive(value != null)
  }
  of_code = merge(
    {
      Architecture = replace(local.manifest.arch, "-", "_")
      CodeBucket   = var.code_bucket
    },
    { for function, parameter in local.zip_parameters : parameter => try(local.zips[function].key, "") },
  )
  settings = merge(local.of_variables, local.of_words, local.of_authorizer, local.of_ttl, local.of_code)

  # Terraform would keep a secret in its state. It keeps a reference to one, as the template takes it.
  reference = "^$|^\\{\\{resolve:[^}]+\\}\\}$|^ssm:(/|arn:)\\S+$|^secretsmanager:[^#\\s]+(#\\S+)?$"
  plain_secrets = [
    for name, variable in local.secrets : variable
    if !nonsensitive(can(regex(local.reference, local.given[name] == null ? "" : local.given[name])))
  ]

  # A new version of the functions is published where anything is new. Secrets are references.
  revision   = substr(sha256(jsonencode(nonsensitive(local.settings))), 0, 16)
  parameters = merge({ Revision = local.revision }, local.settings)
}
