#!/bin/bash
# A function for tests: it speaks the Runtime API with nothing but the shell, and does what its event says.
LC_ALL=C
host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API#*:}
api=/2018-06-01/runtime/invocation
end=$'\r\n'

# Sends a request's head on a new connection.
send() {
  exec 3<>"/dev/tcp/$host/$port"
  printf '%s HTTP/1.1\r\nhost: localhost\r\n%s\r\n' "$1" "$2" >&3
}

# Reads an answer: its id and its body.
receive() {
  local line length=0
  body=
  while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do
    line=${line%$'\r'}
    case $line in
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      content-length:*) length=${line#*: } ;;
    esac
  done
  while [ ${#body} -lt "$length" ] && IFS= read -r -n $((length - ${#body})) line <&3; do body+=$line; done
}

whole() {
  send "POST $api/$id/$1" "content-length: ${#2}$end"
  printf '%s' "$2" >&3
  receive
}

begin_stream() {
  send "POST $api/$id/response" "transfer-encoding: chunked${end}lambda-runtime-function-response-mode: streaming$end"
}

chunk() { printf '%x\r\n%b\r\n' "$2" "$1" >&3; }
pid_chunk() { chunk "$$" "${#BASHPID}"; }
end_stream() { printf '0\r\n\r\n' >&3 && receive; }

head_chunk() { chunk '{"statusCode":200}\0\0\0\0\0\0\0\0' 26; }

[ -z "$FAIL" ] || { echo "this function cannot run"; exit 1; }
while send "GET $api/next" "" && receive; do
  case $body in
    '"pid"') whole response "$$" ;;
    '"pid and die"') whole response "$$"; exit 0 ;;
    '"report"') whole error '{"errorType":"E","errorMessage":"'$$'"}' ;;
    '"die"') exit 1 ;;
    '"garbage"') begin_stream; chunk 'no json\0\0\0\0\0\0\0\0' 15; end_stream ;;
    '"divided"')
      begin_stream
      chunk '{"statusCode":' 14; chunk '202}\0\0\0' 7; chunk '\0\0\0\0\0h' 6; chunk 'ello' 4
      end_stream ;;
    '"break"') begin_stream; head_chunk; chunk half 4; exit 1 ;;
    # A stream that lasts until the process is ended.
    '"hold"') begin_stream; head_chunk; pid_chunk; read -r _ <&3 ;;
    *) whole error '{"errorType":"unknown event"}' ;;
  esac
done
