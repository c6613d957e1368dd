"""A project's bucket under the names that addresses have: s3://headwater-files/<project>/<name>."""

from collections.abc import Iterable, Mapping
from typing import Any

from headwater.s3.transfer import Bucket, Expected, Info, Listed


class InProject:
    """A project's bucket under names that begin with the project, as they do in addresses."""

    def __init__(self, bucket: Bucket, project: str) -> None:
        self._bucket, self._skip, self._front = bucket, len(project) + 1, f"{project}/"
        self.expect = bucket.expect

    def head(self, key: str, url: str) -> Info:
        return self._bucket.head(key[self._skip :], url)

    def fetch(self, key: str, url: str, span: str | None, path: str, expected: Expected | None = None) -> Info:
        return self._bucket.fetch(key[self._skip :], url, span, path, expected)

    def store(self, key: str, url: str, data: Any, headers: Mapping[str, str]) -> None:
        self._bucket.store(key[self._skip :], url, data, headers)

    def list(self, prefix: str, delimiter: str = "") -> Iterable[Listed]:
        for item in self._bucket.list(prefix[self._skip :], delimiter):
            yield item._replace(key=self._front + item.key)
