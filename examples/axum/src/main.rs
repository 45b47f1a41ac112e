//! The server, at port 8080 of this machine. Each argument is a token and its owner:
//!
//! ```console
//! $ scripts/dev --aws-port 9001         # in another shell; export what it prints in this one
//! $ cargo run -p a2a-lambda-example-axum alices-token=alice
//! ```

use std::error::Error;

use a2a_lambda::http::{Owner, bindings};
use a2a_lambda_example_axum::{Callers, agents, app};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let owner = |argument: String| {
        let (token, owner) = argument.split_once('=').ok_or("an argument must be TOKEN=OWNER")?;
        Ok::<_, Box<dyn Error>>((token.to_owned(), Owner::parse(owner)?))
    };
    let owners = std::env::args().skip(1).map(owner).collect::<Result<_, _>>()?;
    let callers = Callers { public_url: "http://127.0.0.1:8080".to_owned(), owners };
    let app = app(bindings(agents).await?, callers);
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://127.0.0.1:8080");
    axum::serve(listener, app).await?;
    Ok(())
}
