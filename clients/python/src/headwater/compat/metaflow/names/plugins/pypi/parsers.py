"""metaflow.plugins.pypi.parsers."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    {
        "requirements_txt_parser": "headwater.compat.metaflow.config_parsers",
        "pyproject_toml_parser": "headwater.compat.metaflow.config_parsers",
        "conda_environment_yml_parser": "headwater.compat.metaflow.config_parsers",
        "ParserValueError": "headwater.compat.metaflow.exceptions",
    },
)
