"""A foreach inside of a foreach; a flaky task that is tried again; one that may fail for good.

python flow.py run
"""

from headwater import FlowSpec, catch, current, retry, step


class ForeachFlow(FlowSpec):
    """Counts letters, book by book and chapter by chapter."""

    @step
    def start(self):
        self.books = {"one": ["aab", "abc"], "two": ["ccc", "b", ""]}
        self.titles = sorted(self.books)
        self.next(self.book, foreach="titles")

    @step
    def book(self):
        self.title = self.input
        self.chapters = self.books[self.title]
        self.next(self.chapter, foreach="chapters")

    @catch(var="problem")
    @retry(times=1, seconds_between_retries=0)
    @step
    def chapter(self):
        self.letters = 0
        if current.retry_count == 0 and self.index == 1:
            raise ConnectionError("the library does not answer; the second try will succeed")
        if not self.input:
            raise ValueError(f"chapter {self.index} of {self.title} is empty")
        self.letters = len(self.input)
        self.next(self.sum_chapters)

    @step
    def sum_chapters(self, inputs):
        self.title = inputs[0].title
        self.letters = sum(each.letters for each in inputs)
        self.problems = [str(each.problem) for each in inputs if each.problem]
        self.next(self.sum_books)

    @step
    def sum_books(self, inputs):
        self.letters = {each.title: each.letters for each in inputs}
        self.problems = [problem for each in inputs for problem in each.problems]
        self.next(self.end)

    @step
    def end(self):
        print(f"letters: {self.letters}; problems: {self.problems}")


if __name__ == "__main__":
    ForeachFlow()
