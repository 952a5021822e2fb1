"""Where ministack answers otherwise than AWS, or polls, corrected in this process."""

import queue
import time
from contextlib import suppress
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import apigateway, cognito, lambda_svc

_confirm_sign_up = cognito._confirm_sign_up
_handle_request = apigateway._handle_execute_in_scope
_resolve_user = cognito._resolve_user
_validate_jwt = apigateway._validate_jwt_authorizer


def apply() -> None:
    apigateway._handle_execute_in_scope = _handle_with_cors
    cognito._confirm_sign_up = _confirm_and_call_trigger
    cognito._resolve_user = _resolve_in_any_case
    apigateway._validate_jwt_authorizer = _validate_with_new_keys
    lambda_runtime.Worker._drain_stderr_bounded = _wait_for_log


async def _handle_with_cors(api_id: str, stage: str, path: str, method: str, headers: Any, *arguments: Any) -> Any:
    """Add the API's CORS headers to every answer: ministack leaves them out of 401 and of 404 for an unknown route."""
    status, answered, body = await _handle_request(api_id, stage, path, method, headers, *arguments)
    cors = apigateway._apis.get(api_id, {}).get("corsConfiguration")
    if cors and method != "OPTIONS":
        answered |= apigateway._cors_response_headers(cors, headers.get("origin", ""))
    return status, answered, body


def _confirm_and_call_trigger(data: dict[str, Any]) -> Any:
    """Confirm a sign-up, then call PostConfirmation. Its error is the answer, and the user stays confirmed."""
    answer = _confirm_sign_up(data)
    pool, pool_id = cognito._pool_for_client(data["ClientId"])
    trigger = (pool or {}).get("LambdaConfig", {}).get("PostConfirmation")
    if answer[0] != 200 or not trigger:
        return answer
    user, _ = cognito._resolve_user(pool, data["Username"])
    attributes = cognito._attr_list_to_dict(user["Attributes"])
    event = cognito._build_presignup_event(
        pool_id, data["ClientId"], user["Username"], attributes, "PostConfirmation_ConfirmSignUp"
    )
    record, config, _ = lambda_svc._get_func_record_for_ref(trigger)
    scope = lambda_svc._execution_record_for_config(record, config)
    result = lambda_svc._execute_function_with_config_scope(scope, event)
    if not result.get("error"):
        return answer
    message = f"PostConfirmation failed with error {result['body']['errorMessage']}"
    return cognito.error_response_json("UserLambdaValidationException", message, 400)


def _resolve_in_any_case(pool: dict[str, Any], username: str | None) -> Any:
    """Find a user by an address in any case, if the pool is not case-sensitive."""
    if username and pool.get("UsernameConfiguration", {}).get("CaseSensitive") in (False, "false"):
        for user in pool["_users"].values():
            attributes = cognito._attr_list_to_dict(user["Attributes"])
            if any(attributes.get(name, "").lower() == username.lower() for name in pool["UsernameAttributes"]):
                return user, None
    return _resolve_user(pool, username)


async def _validate_with_new_keys(route: Any, authorizer: Any, *request: Any) -> Any:
    """Check a token, and again with the issuer's current keys if it is refused; refuse one without `exp`.

    ministack keeps the keys for two hours. A local issuer that was started again has new ones.
    """
    claims, scopes, refusal = await _validate_jwt(route, authorizer, *request)
    if refusal:
        apigateway._oidc_config_cache.pop(authorizer["jwtConfiguration"]["issuer"].rstrip("/"), None)
        apigateway._jwks_cache.pop(await apigateway._resolve_jwks_url(authorizer), None)
        claims, scopes, refusal = await _validate_jwt(route, authorizer, *request)
    if claims is not None and "exp" not in claims:
        return None, None, apigateway._jwt_unauthorized()
    return claims, scopes, refusal


def _wait_for_log(
    worker: Any, first_line_wait: float = 0.050, idle_confirm: float = 0.005, hard_cap: float = 0.250
) -> str:
    """The lines that a function has just logged. ministack waits as long, and looks a thousand times a second."""
    lines = []
    end, wait = time.monotonic() + hard_cap, first_line_wait
    with suppress(queue.Empty):
        while (left := end - time.monotonic()) > 0:
            lines.append(worker._stderr_queue.get(timeout=min(wait, left)))
            wait = idle_confirm
    return "\n".join(lines)
