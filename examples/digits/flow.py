"""From data to a promoted model: trains 12 networks side by side, keeps the best, and makes it the champion.

python flow.py run            # or: make demo, which also deploys score.py
headwater experiments show DigitsFlow
"""

from itertools import product

import numpy as np
from data import load
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from headwater import FlowSpec, Parameter, log_metrics, log_params, promote, register_model, retry, step
from headwater.models import infer_signature


class DigitsFlow(FlowSpec):
    """Recognise handwritten digits: choose the best of 12 small neural networks."""

    epochs = Parameter("epochs", default=20, help="passes over the training data")
    seed = Parameter("seed", default=7, help="of the split and of every network: the same seed, the same result")

    @step
    def start(self):
        """Load the images, split them, and lay out the hyper-parameters to try."""
        self.train_set, self.validation_set, self.held_out_set = load(self.seed)
        layers, rates, penalties = [(16,), (32,), (64,)], [0.003, 0.01], [0.0001, 0.01]
        self.candidates = [
            {"layers": layer, "rate": rate, "alpha": alpha} for layer, rate, alpha in product(layers, rates, penalties)
        ]
        self.next(self.train, foreach="candidates")

    @retry(times=2, seconds_between_retries=1)
    @step
    def train(self):
        """Train one network, epoch by epoch, and measure it on images it has not seen."""
        self.candidate = self.input
        log_params(self.candidate | {"layers": "-".join(map(str, self.candidate["layers"]))})
        network = MLPClassifier(
            hidden_layer_sizes=self.candidate["layers"],
            learning_rate_init=self.candidate["rate"],
            alpha=self.candidate["alpha"],
            batch_size=32,
            random_state=self.seed,
        )
        images, labels = self.train_set
        order = np.random.default_rng(self.seed)
        self.losses = []
        with threadpool_limits(1):  # the candidates share the cores
            for epoch in range(self.epochs):
                shuffled = order.permutation(len(images))
                network.partial_fit(images[shuffled], labels[shuffled], classes=range(10))
                accuracy = float(network.score(*self.validation_set))
                self.losses.append(float(network.loss_))
                log_metrics({"loss": network.loss_, "accuracy": accuracy}, step=epoch)
        self.network, self.accuracy = network, accuracy
        print(f"{self.candidate} reaches {accuracy:.4f}")
        self.next(self.choose)

    @step
    def choose(self, inputs):
        """Register the best network as a new version of the model "digits" and promote it."""
        ranked = sorted(inputs, key=lambda each: (-each.accuracy, each.losses[-1]))
        best, second = ranked[0], ranked[1]
        images, labels = best.held_out_set
        self.ranking = [{**each.candidate, "accuracy": each.accuracy, "loss": each.losses[-1]} for each in ranked]
        self.metrics = {
            "accuracy": best.accuracy,
            "held_out_accuracy": float(best.network.score(images, labels)),
            "loss": best.losses[-1],
        }
        log_metrics(self.metrics)
        self.version = register_model(
            "digits",
            best.network,
            metrics=self.metrics,
            signature=infer_signature(images, labels),
            description=f"{len(ranked)} networks tried, {self.epochs} epochs each; this one is {best.candidate}",
            tags={"data": "sklearn.load_digits", "seed": self.seed},
        )
        reason = (
            f"best of {len(ranked)} on validation data: accuracy {best.accuracy:.4f}, "
            f"loss {best.losses[-1]:.4f} (second: {second.accuracy:.4f}, {second.losses[-1]:.4f})"
        )
        promote("digits", self.version, alias="champion", reason=reason)
        self.next(self.end)

    @step
    def end(self):
        print(f"digits/{self.version.version} is the champion: {self.metrics}")


if __name__ == "__main__":
    DigitsFlow()
