"""Names for runs that nobody named: "capable-shark-12".

Owns the word lists. A name is derived from the run's id, so every replica gives the same run the same name; it is
for people only and never has to be unique.
"""

import hashlib

ADJECTIVES = """
able agile amber ample apt artful azure balanced blithe bold brave breezy bright brisk calm candid capable careful
cheerful clean clear clever cosy crisp curious daring deft eager earnest easy even exact fair fast fine firm fleet
fond frank free fresh gentle glad golden good grand hale handy happy hardy honest humble jolly just keen kind
learned legal light lively lucid lucky mellow merry mild modest neat nimble noble open orderly patient placid plain
polite proud quick quiet rapid ready robust rustic sage serene sharp silent silver sincere smart smooth snug solid
sound spry stable steady stoic sturdy subtle sunny sure swift tidy tranquil trim true upbeat valiant vivid warm wise
witty worthy zesty
""".split()  # noqa: SIM905

NOUNS = """
alder alpaca antler aspen auk badger basin bay beaver beech birch bison brook camel canyon carp cedar cliff clover
cobra condor coral cove coyote crane creek cricket crow cypress dale deer delta dingo dolphin dove dune eagle elk
elm ember falcon fern ferret finch fjord flint fox gecko glacier glade goose grove gull hare harbor hawk hazel heron
hill ibex inlet iris jackal jay juniper kelp kestrel kite lagoon lark larch lemur lichen lily linden lion llama lynx
maple marlin marsh marten meadow mesa mink moose moss newt oak ocelot orca osprey otter owl panda perch pika pine
plover pond poplar puffin quail rapids raven reef ridge robin salmon seal shark shoal spruce stork stream summit
swan tarn tern thistle thrush tiger trout tundra vale viper walrus willow wolf wren yak yew
""".split()  # noqa: SIM905


def name_for(run_id: str) -> str:
    """The default name of the run with this id, for example "capable-shark-12"."""
    number = int.from_bytes(hashlib.blake2b(run_id.encode(), digest_size=8).digest(), "big")
    number, adjective = divmod(number, len(ADJECTIVES))
    number, noun = divmod(number, len(NOUNS))
    return f"{ADJECTIVES[adjective]}-{NOUNS[noun]}-{number % 100}"
