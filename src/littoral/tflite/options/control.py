"""Options of control flow, hash tables and variables."""

from littoral.tflite.enums import TensorType
from littoral.tflite.wire import I32, U32, Table


class IfOptions(Table):
    """Of IF."""

    then_subgraph_index: I32 = 0
    else_subgraph_index: I32 = 0


class WhileOptions(Table):
    """Of WHILE."""

    cond_subgraph_index: I32 = 0
    body_subgraph_index: I32 = 0


class CallOptions(Table):
    """Of CALL."""

    subgraph: U32 = 0


class CallOnceOptions(Table):
    """Of CALL_ONCE."""

    init_subgraph_index: I32 = 0


class HashtableOptions(Table):
    """Of HASHTABLE."""

    table_id: I32 = 0
    key_dtype: TensorType = TensorType.FLOAT32
    value_dtype: TensorType = TensorType.FLOAT32


class HashtableFindOptions(Table):
    """Of HASHTABLE_FIND."""


class HashtableImportOptions(Table):
    """Of HASHTABLE_IMPORT."""


class HashtableSizeOptions(Table):
    """Of HASHTABLE_SIZE."""


class VarHandleOptions(Table):
    """Of VAR_HANDLE."""

    container: str = ""
    shared_name: str = ""


class ReadVariableOptions(Table):
    """Of READ_VARIABLE."""


class AssignVariableOptions(Table):
    """Of ASSIGN_VARIABLE."""
