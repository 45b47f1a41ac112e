//! The files that travel in the program. `bundle` has links to them, which `cargo package` follows.

/// A file: its path below the target folder, and its contents.
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) content: &'static str,
}

macro_rules! files {
    ($($path:literal = $source:literal,)*) => {
        &[$(File { path: $path, content: include_str!(concat!("../bundle/", $source)) }),*]
    };
}

/// A new workspace: the example `own-agent` of the repository.
///
/// Cargo takes no folder with a `Cargo.toml` into a package, so some links have other names.
pub(crate) const AGENT: &[File] = files! {
    ".gitignore" = "agent/gitignore",
    "Cargo.lock" = "agent/Cargo.lock.template",
    "Cargo.toml" = "agent/Cargo.toml.template",
    "README.md" = "agent/README.md",
    "src/bin/authorizer.rs" = "agent/src/bin/authorizer.rs",
    "src/bin/local.rs" = "agent/src/bin/local.rs",
    "src/bin/request.rs" = "agent/src/bin/request.rs",
    "src/bin/scheduled-recovery.rs" = "agent/src/bin/scheduled-recovery.rs",
    "src/bin/sqs-executor.rs" = "agent/src/bin/sqs-executor.rs",
    "src/bin/stream-recovery.rs" = "agent/src/bin/stream-recovery.rs",
    "src/bin/webhook.rs" = "agent/src/bin/webhook.rs",
    "src/lib.rs" = "agent/src/lib.rs",
    "tests/counts.rs" = "agent/tests/counts.rs",
    "tests/variables.rs" = "agent/tests/variables.rs",
};

/// The scripts and data that `package` and `deploy` run, in the repository's folders.
pub(crate) const SCRIPTS: &[File] = files! {
    "infra/template.yaml" = "infra/template.yaml",
    "scripts/deploy" = "scripts/deploy",
    "scripts/lib/deploy/__init__.py" = "scripts/lib/deploy/__init__.py",
    "scripts/lib/deploy/__main__.py" = "scripts/lib/deploy/__main__.py",
    "scripts/lib/deploy/artifacts.py" = "scripts/lib/deploy/artifacts.py",
    "scripts/lib/deploy/options.py" = "scripts/lib/deploy/options.py",
    "scripts/lib/deploy/smoke.py" = "scripts/lib/deploy/smoke.py",
    "scripts/lib/deploy/stack.py" = "scripts/lib/deploy/stack.py",
    "scripts/lib/deploy/template.py" = "scripts/lib/deploy/template.py",
    "scripts/lib/requirements-deploy.txt" = "scripts/lib/requirements-deploy.txt",
    "scripts/lib/requirements-package.txt" = "scripts/lib/requirements-package.txt",
    "scripts/lib/sbom.py" = "scripts/lib/sbom.py",
    "scripts/lib/tools.py" = "scripts/lib/tools.py",
    "scripts/lib/workspace.py" = "scripts/lib/workspace.py",
    "scripts/package" = "scripts/package",
};
