"""metaflow.metaflow_version: the version of Metaflow whose surface this is."""


def get_version(public: bool = False) -> str:
    return "2.19.39"
