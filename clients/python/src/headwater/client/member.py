"""What Flow, Run, Step, Task and DataArtifact have in common: a pathspec, tags, and that they can be pickled."""

from typing import Any


def restored(cls: type, pathspec: str) -> Any:
    """The object that was pickled, as it is now; its namespace was checked when it was made."""
    return cls(pathspec, _namespace_check=False)


class Member:
    """Tags are those of the run; a member of a run is in the namespace when the run is."""

    @property
    def pathspec(self) -> str:
        raise NotImplementedError

    @property
    def path_components(self) -> list[str]:
        return self.pathspec.split("/")

    @property
    def origin_pathspec(self) -> str | None:
        """What it was taken over from, where it was."""
        return None

    @property
    def user_tags(self) -> frozenset[str]:
        """Tags that users gave the run."""
        raise NotImplementedError

    @property
    def system_tags(self) -> frozenset[str]:
        """Tags that the platform gave the run: user:<name>, date:<day>, trigger:<event>, production:<deployment>."""
        raise NotImplementedError

    @property
    def tags(self) -> frozenset[str]:
        """All tags of the run."""
        return self.user_tags | self.system_tags

    def is_in_namespace(self) -> bool:
        from headwater.client.namespaces import get_namespace

        name = get_namespace()
        return not name or name in self.tags

    def __str__(self) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pathspec!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (type(self), self.pathspec)
