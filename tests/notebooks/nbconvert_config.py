"""What tests/notebooks/run.ts asks of nbconvert.

Deno's kernel may say that it is idle a moment before it sends a cell's result: under a millisecond, for one cell in
twenty. Jupyter's pages show such a result; nbconvert loses it, unless it listens a little longer.
"""
from queue import Empty

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbclient.util import ensure_async

LONGER = 0.3  # seconds

until_idle = NotebookClient._async_poll_output_msg


async def until_quiet(self, parent_msg_id, cell, cell_index):
    await until_idle(self, parent_msg_id, cell, cell_index)
    while True:
        try:
            message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=LONGER))
        except Empty:
            return
        if message["parent_header"].get("msg_id") != parent_msg_id:
            continue
        try:
            self.process_message(message, cell, cell_index)
        except CellExecutionComplete:
            pass


NotebookClient._async_poll_output_msg = until_quiet

c = get_config()  # noqa: F821, given by traitlets
c.ExecutePreprocessor.timeout = 600
c.ExecutePreprocessor.shutdown_kernel = "immediate"
