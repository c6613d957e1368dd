"""Files of a run in S3, without credentials."""

from headwater import S3, FlowSpec, step


class S3Flow(FlowSpec):
    @step
    def start(self):
        with S3(run=self) as s3:
            self.url = s3.put("notes/one.txt", "one", metadata={"by": "start"})
            s3.put_many([(f"many/{number}", str(number)) for number in range(20)])
            s3.put("big", bytes(20 << 20))
        self.next(self.end)

    @step
    def end(self):
        with S3(run=self) as s3:
            self.found = [each.key for each in s3.list_recursive()]
            self.text = s3.get("notes/one.txt").text
            self.size = s3.info("big").size
        with S3() as s3:
            self.again = s3.get(self.url).text


if __name__ == "__main__":
    S3Flow()
