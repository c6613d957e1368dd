"""Steps that are commands: any program that reads and writes files can be one.

python flow.py run --words 3
"""

from headwater import FlowSpec, Parameter, command, step


class CommandFlow(FlowSpec):
    """Finds the most frequent words with nothing but a shell."""

    words = Parameter("words", default=3, help="how many words to keep")

    @step
    def start(self):
        self.text = "the tide turns and the tide returns and the sea stays"
        self.next(self.count)

    @command(
        'sh count.sh "$HW_INPUTS_DIR/text.txt" {words} > "$HW_OUTPUTS_DIR/top.txt"',
        inputs={"text": "text.txt"},
        outputs={"top": "top.txt"},
    )
    @step
    def count(self):
        # The command has run. self.top is its file; what the step assigns is an artifact as ever.
        self.lines = self.top.read_text().splitlines()
        self.next(self.end)

    @step
    def end(self):
        print("\n".join(self.lines))


if __name__ == "__main__":
    CommandFlow()
