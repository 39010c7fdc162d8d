"""Every built-in executor passes the conformance suite."""

from kgenesis.testing.executors import ExecutorCases


class TestInline(ExecutorCases):
    factory = "kgenesis.executors.inline:make_executor"
    is_isolated = False


class TestPool(ExecutorCases):
    factory = "kgenesis.executors.pool:make_executor"
