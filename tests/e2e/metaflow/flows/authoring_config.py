"""Configs: from files, values and defaults, in decorators of steps and of the flow, with parsers."""

from metaflow import Config, FlowSpec, Parameter, config_expr, environment, project, resources, step


def pairs(text):
    return dict(line.split("=") for line in text.split())


@project(name=config_expr("config").project.name)
class ConfigFlow(FlowSpec):
    config = Config("config", default="authoring_config.json")
    extra = Config("extra", default_value={"mode": "fast", "nested": {"depth": 2}})
    packages = Config(
        "packages", default="authoring_requirements.txt", parser=".plugins.pypi.parsers.requirements_txt_parser"
    )
    own = Config("own", default_value="a=1 b=2", parser=pairs)
    plain = Config("plain", default_value="[1, 2, 3]", parser="json.loads", plain=True)
    missing = Config("missing")
    size = Parameter("size", default=config.model.depth)

    @environment(vars={"MODE": config_expr("extra.mode.upper()"), "NAME": config.project.name})
    @resources(cpu=config.cpu, memory=256)
    @step
    def start(self):
        import os

        self.mode = os.environ["MODE"]
        self.from_name = os.environ["NAME"]
        self.depth = self.config.model.depth + self.extra.nested["depth"]
        self.requirements = dict(self.packages["packages"])
        self.pairs = self.own.to_dict()
        self.sum = sum(self.plain)
        self.nothing = self.missing
        try:
            self.config.cpu = 3
        except TypeError as error:
            self.immutable = str(error)
        self.next(self.end)

    @step
    def end(self):
        self.seen = self.config.project.name + str(self.size)


if __name__ == "__main__":
    ConfigFlow()
