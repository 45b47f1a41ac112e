//! The ways in which a client authenticates at an agent, after the Security Scheme Object of
//! `OpenAPI` (specification 4.5).

use std::collections::BTreeMap;

message! {
    /// Schemes that are needed together, with the scopes of each.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SecurityRequirement {
        /// Scopes by the scheme's name in the card.
        #[json("schemes")]
        pub schemes: BTreeMap<String, StringList>,
    }
}

message! {
    /// A list of strings, where the proto cannot say a list in a map.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct StringList {
        /// The strings.
        #[json("list")]
        pub list: Vec<String>,
    }
}

oneof! {
    /// A way to authenticate (specification 4.5.1).
    #[derive(Debug, Clone, PartialEq)]
    pub enum SecurityScheme {
        /// An API key.
        #[json("apiKeySecurityScheme", "api_key_security_scheme")]
        ApiKey(ApiKeySecurityScheme),
        /// HTTP authentication: Basic, Bearer and so on.
        #[json("httpAuthSecurityScheme", "http_auth_security_scheme")]
        HttpAuth(HttpAuthSecurityScheme),
        /// OAuth 2.0.
        #[json("oauth2SecurityScheme", "oauth2_security_scheme")]
        OAuth2(OAuth2SecurityScheme),
        /// `OpenID` Connect.
        #[json("openIdConnectSecurityScheme", "open_id_connect_security_scheme")]
        OpenIdConnect(OpenIdConnectSecurityScheme),
        /// Mutual TLS.
        #[json("mtlsSecurityScheme", "mtls_security_scheme")]
        MutualTls(MutualTlsSecurityScheme),
    }
}

message! {
    /// An API key (specification 4.5.2; `APIKeySecurityScheme` in the proto).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ApiKeySecurityScheme {
        /// A description for people.
        #[json("description")]
        pub description: String,
        /// The place of the key: `query`, `header` or `cookie`.
        #[json("location", required)]
        pub location: String,
        /// The name of the parameter, header or cookie.
        #[json("name", required)]
        pub name: String,
    }
}

message! {
    /// HTTP authentication (specification 4.5.3; `HTTPAuthSecurityScheme` in the proto).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct HttpAuthSecurityScheme {
        /// A description for people.
        #[json("description")]
        pub description: String,
        /// The scheme's name in the `Authorization` header, such as `Bearer`.
        #[json("scheme", required)]
        pub scheme: String,
        /// The format of a bearer token, such as `JWT`.
        #[json("bearerFormat")]
        pub bearer_format: String,
    }
}

message! {
    /// OAuth 2.0 (specification 4.5.4).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct OAuth2SecurityScheme {
        /// A description for people.
        #[json("description")]
        pub description: String,
        /// The flow. REQUIRED, but an `Option`: a oneof has no empty value.
        #[json("flows")]
        pub flows: Option<OAuthFlows>,
        /// The URL of the authorization server's metadata (RFC 8414).
        #[json("oauth2MetadataUrl")]
        pub oauth2_metadata_url: String,
    }
}

message! {
    /// `OpenID` Connect (specification 4.5.5).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct OpenIdConnectSecurityScheme {
        /// A description for people.
        #[json("description")]
        pub description: String,
        /// The URL of the provider's metadata.
        #[json("openIdConnectUrl", required)]
        pub open_id_connect_url: String,
    }
}

message! {
    /// Mutual TLS (specification 4.5.6).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct MutualTlsSecurityScheme {
        /// A description for people.
        #[json("description")]
        pub description: String,
    }
}

oneof! {
    /// The OAuth 2.0 flow (specification 4.5.7).
    #[derive(Debug, Clone, PartialEq)]
    pub enum OAuthFlows {
        /// Authorization code.
        #[json("authorizationCode", "authorization_code")]
        AuthorizationCode(AuthorizationCodeOAuthFlow),
        /// Client credentials.
        #[json("clientCredentials", "client_credentials")]
        ClientCredentials(ClientCredentialsOAuthFlow),
        /// Implicit. Deprecated in the proto.
        #[json("implicit", "implicit")]
        Implicit(ImplicitOAuthFlow),
        /// Password. Deprecated in the proto.
        #[json("password", "password")]
        Password(PasswordOAuthFlow),
        /// Device code.
        #[json("deviceCode", "device_code")]
        DeviceCode(DeviceCodeOAuthFlow),
    }
}

message! {
    /// The authorization code flow (specification 4.5.8).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct AuthorizationCodeOAuthFlow {
        /// The authorization endpoint.
        #[json("authorizationUrl", required)]
        pub authorization_url: String,
        /// The token endpoint.
        #[json("tokenUrl", required)]
        pub token_url: String,
        /// The URL for refresh tokens.
        #[json("refreshUrl")]
        pub refresh_url: String,
        /// Scopes and their meaning.
        #[json("scopes", required)]
        pub scopes: BTreeMap<String, String>,
        /// Whether PKCE (RFC 7636) is required.
        #[json("pkceRequired")]
        pub pkce_required: bool,
    }
}

message! {
    /// The client credentials flow (specification 4.5.9).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ClientCredentialsOAuthFlow {
        /// The token endpoint.
        #[json("tokenUrl", required)]
        pub token_url: String,
        /// The URL for refresh tokens.
        #[json("refreshUrl")]
        pub refresh_url: String,
        /// Scopes and their meaning.
        #[json("scopes", required)]
        pub scopes: BTreeMap<String, String>,
    }
}

message! {
    /// The implicit flow. Deprecated: use the authorization code flow with PKCE.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ImplicitOAuthFlow {
        /// The authorization endpoint.
        #[json("authorizationUrl")]
        pub authorization_url: String,
        /// The URL for refresh tokens.
        #[json("refreshUrl")]
        pub refresh_url: String,
        /// Scopes and their meaning.
        #[json("scopes")]
        pub scopes: BTreeMap<String, String>,
    }
}

message! {
    /// The password flow. Deprecated: use the authorization code flow with PKCE, or the device code
    /// flow.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct PasswordOAuthFlow {
        /// The token endpoint.
        #[json("tokenUrl")]
        pub token_url: String,
        /// The URL for refresh tokens.
        #[json("refreshUrl")]
        pub refresh_url: String,
        /// Scopes and their meaning.
        #[json("scopes")]
        pub scopes: BTreeMap<String, String>,
    }
}

message! {
    /// The device code flow (specification 4.5.10, RFC 8628).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DeviceCodeOAuthFlow {
        /// The device authorization endpoint.
        #[json("deviceAuthorizationUrl", required)]
        pub device_authorization_url: String,
        /// The token endpoint.
        #[json("tokenUrl", required)]
        pub token_url: String,
        /// The URL for refresh tokens.
        #[json("refreshUrl")]
        pub refresh_url: String,
        /// Scopes and their meaning.
        #[json("scopes", required)]
        pub scopes: BTreeMap<String, String>,
    }
}
