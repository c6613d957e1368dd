"""Starts when a run of IngestFlow has succeeded, and looks at what that run left behind.

headwater deploy report.py
"""

from headwater import FlowSpec, current, step, trigger_on_finish


@trigger_on_finish(flow="IngestFlow")
class ReportFlow(FlowSpec):
    """Reports what came in."""

    @step
    def start(self):
        run = current.trigger.run if current.trigger else None
        self.report = f"{run.parameters['rows']} rows from {run.data.source}" if run else "nothing came in"
        self.next(self.end)

    @step
    def end(self):
        print(self.report)


if __name__ == "__main__":
    ReportFlow()
