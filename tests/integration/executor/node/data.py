"""The flow of test_transfers.py: one step leaves large artifacts, one reads them."""

import hashlib
import random

from headwater import FlowSpec, step


class Data(FlowSpec):
    @step
    def makes(self):
        self.large = random.Random(7).randbytes(12_000_000)  # several ranges
        self.small = random.Random(8).randbytes(300_000)
        self.next(self.end)

    @step
    def reads(self):
        self.sums = [hashlib.sha256(data).hexdigest() for data in (self.large, self.small)]
        del self.large, self.small
        self.next(self.end)

    @step
    def end(self):
        pass
