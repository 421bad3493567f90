import json

from bridges.tools.source import Call, failed


def test_a_failure_is_something_that_a_model_can_read():
    output = failed('it said "no"')
    assert output.error and json.loads(output.text) == {"error": 'it said "no"'}


def test_arguments_and_outputs_are_not_shown():
    assert "canary" not in repr(Call("book", {"name": "canary"}, "call_1")) + repr(failed("canary"))
