"""Starts by itself when a version of "digits" becomes champion, and scores it on the held-out images.

headwater deploy examples/digits/score.py
"""

from data import load
from sklearn.metrics import confusion_matrix

from headwater import FlowSpec, Parameter, current, log_metrics, set_tag, step, trigger
from headwater.models import get_version


@trigger(event="model.promoted", filter={"name": "digits", "alias": "champion"})
class ScoreChampion(FlowSpec):
    """How good is the champion, whatever it is, on images that nobody trained or chose with?"""

    seed = Parameter("seed", default=7, help="of the split; must be that of the training")

    @step
    def start(self):
        """Load the champion and the held-out images, and count what it gets right."""
        version = get_version("digits@champion")
        network = version.load()
        _, _, (images, labels) = load(self.seed)
        found = network.predict(images)
        self.model = str(version)
        self.trained_by = version.run_id
        self.confusion = confusion_matrix(labels, found)
        self.mistakes = [(int(at), int(labels[at]), int(found[at])) for at in (found != labels).nonzero()[0]]
        self.accuracy = float((found == labels).mean())
        log_metrics({"held_out_accuracy": self.accuracy, "mistakes": len(self.mistakes)})
        set_tag("model", self.model)
        self.next(self.end)

    @step
    def end(self):
        """Say how it went."""
        why = "a promotion" if current.trigger else "hand"
        print(f"{self.model}, started by {why}, scores {self.accuracy:.4f} with {len(self.mistakes)} mistakes")


if __name__ == "__main__":
    ScoreChampion()
