"""Starts MiniStack, which is taught what it lacks of REST APIs with `responseTransferMode: STREAM`.

Version 1.5.33 takes a streaming integration for that of a function that does not exist. Here it invokes
the function, and gives the answer whole: its head, 8 zero bytes and its body are taken apart as its
Function URLs do. What streaming itself needs is not proven by it.
"""

from ministack.app import main
from ministack.services import apigateway_v1, lambda_svc

function_of = apigateway_v1._extract_lambda_ref_from_integration_uri
answer_of = apigateway_v1._lambda_proxy_response


def streaming_function_of(uri: str) -> str:
    return function_of(uri.replace("/response-streaming-invocations", "/invocations"))


def streamed_answer_of(result: dict):
    body = result.get("body")
    if not result.get("error") and isinstance(body, str | bytes):
        content = body.encode() if isinstance(body, str) else body
        head, content = lambda_svc._split_stream_prelude(content)
        if head is not None:
            return {**head, "body": content.decode()}, None
    return answer_of(result)


apigateway_v1._extract_lambda_ref_from_integration_uri = streaming_function_of
apigateway_v1._lambda_proxy_response = streamed_answer_of

if __name__ == "__main__":
    main()
