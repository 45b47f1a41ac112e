"""The errors of A2A, as section 5.4 maps them onto the bindings."""

from dataclasses import dataclass

JSON_RPC = "JSONRPC"
HTTP_JSON = "HTTP+JSON"
BINDINGS = [JSON_RPC, HTTP_JSON]

ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
ERROR_DOMAIN = "a2a-protocol.org"


@dataclass(frozen=True)
class ErrorKind:
    """One row of the table: the code over JSON-RPC and the status over HTTP+JSON."""

    reason: str
    code: int
    status: int
    # Many errors of A2A share a status: over HTTP+JSON only the reason tells them apart.
    is_of_a2a: bool = True


TASK_NOT_FOUND = ErrorKind("TASK_NOT_FOUND", -32001, 404)
TASK_NOT_CANCELABLE = ErrorKind("TASK_NOT_CANCELABLE", -32002, 400)
PUSH_NOT_SUPPORTED = ErrorKind("PUSH_NOTIFICATION_NOT_SUPPORTED", -32003, 400)
UNSUPPORTED_OPERATION = ErrorKind("UNSUPPORTED_OPERATION", -32004, 400)
CONTENT_TYPE_NOT_SUPPORTED = ErrorKind("CONTENT_TYPE_NOT_SUPPORTED", -32005, 400)
EXTENSION_SUPPORT_REQUIRED = ErrorKind("EXTENSION_SUPPORT_REQUIRED", -32008, 400)
VERSION_NOT_SUPPORTED = ErrorKind("VERSION_NOT_SUPPORTED", -32009, 400)

INVALID_PARAMS = ErrorKind("INVALID_PARAMS", -32602, 400, is_of_a2a=False)

PARSE_ERROR_CODE = -32700
INVALID_REQUEST_CODE = -32600
METHOD_NOT_FOUND_CODE = -32601
