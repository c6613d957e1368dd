"""A flow of one step, with a secret, tools of one process, and a hook after the run."""

from metaflow import FlowSpec, current, exit_hook, parallel_map, profile, project, secrets, step

SOURCE = {"type": "inline", "id": "db", "options": {"env_vars": {"DB_PASSWORD": "hunter2hunter2"}}}


def report(run):
    print("hook of", run.pathspec.split("/")[0], run.successful)


@exit_hook(on_success=[report])
@project(name="tiny")
class SingleFlow(FlowSpec):
    @secrets(sources=[SOURCE])
    @step
    def only(self):
        import os

        print("password", os.environ["DB_PASSWORD"])
        self.length = len(os.environ["DB_PASSWORD"])
        self.squares = parallel_map(lambda x: x * x, range(5))
        times = {}
        with profile("block", stats_dict=times):
            pass
        self.profiled = list(times)
        self.project = [current.project_name, current.branch_name.split(".")[0], current.is_production]
        self.user_branch = current.is_user_branch


if __name__ == "__main__":
    SingleFlow()
