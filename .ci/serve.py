"""Triton's own client on a server of the Open Inference Protocol: health, metadata, inference in JSON and in bytes."""

import sys

import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("lenet")
assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
about = client.get_model_metadata("lenet")
assert about["inputs"][0]["shape"] == [-1, 1, 28, 28], about

images = numpy.zeros((3, 1, 28, 28), numpy.float32)
images[:, :, 6:22, 13:15] = 1  # three ones
answers = []
for datatype, pixels in [("FP32", images), ("UINT8", (255 * images).astype(numpy.uint8))]:
    for binary in [True, False]:
        asked = triton.InferInput("images", list(pixels.shape), datatype)
        asked.set_data_from_numpy(pixels, binary_data=binary)
        wanted = triton.InferRequestedOutput("probabilities", binary_data=binary)
        answers.append(client.infer("lenet", [asked], outputs=[wanted]).as_numpy("probabilities"))
        # Without a wish the client takes bytes.
        answers.append(client.infer("lenet", [asked]).as_numpy("probabilities"))
for answer in answers:
    assert answer.shape == (3, 10) and numpy.allclose(answer, answers[0], atol=1e-6), answer
    assert (answer.argmax(1) == 1).all(), answer
try:
    client.infer("vgg", [asked])
    raise SystemExit("a model that is not there has answered")
except InferenceServerException as error:
    assert "vgg" in error.message(), error
print(f"tritonclient: {len(answers)} answers, all equal")
