"""What the document says of the operations whose bodies FastAPI does not see."""

PREDICT_DESCRIPTION = """\
Send a form, or the bytes of the image themselves:

```sh
curl -F image=@part.png -F category="metal nut" http://127.0.0.1:8000/predict
curl --data-binary @part.png "http://127.0.0.1:8000/predict?category=metal_nut"
```

`Accept` chooses the answer: JSON with the heatmap inside (default), `image/png` for the heatmap
alone, `application/x-npy` for the raw anomaly map (float32, S x S). Each carries the score in the
header `X-Anomaly-Score` too, and of a calibrated category the decision in `X-Is-Anomalous`:

```sh
curl -F image=@part.png -F category=carpet -H "Accept: image/png" -o heatmap.png \\
  http://127.0.0.1:8000/predict
```
"""

BATCH_DESCRIPTION = """\
Several `image` parts of one `category`, with none or as many `part_id`. The answer is a list in the
same order; each entry has a `prediction` or a `problem`. A category that cannot be used fails the
whole request. While it runs, a batch takes as many places as the service allows images in one
(`CLIPAD_MAX_IMAGES`), however few it brings: with other requests under way it is refused (429)
sooner than a single image.

```sh
curl -F category=carpet -F image=@a.png -F image=@b.png \\
  "http://127.0.0.1:8000/predict/batch?heatmap=none"
```
"""

CALIBRATION_DESCRIPTION = """\
Several `image` parts (up to `CLIPAD_MAX_CALIBRATION_IMAGES`), all of GOOD parts, under the light
and camera of the line, of different pieces. The answer comes when all are measured. Each one's
score is kept for every available method, the image is not; calls add up. An image that does not
decode, or is not measured in time, becomes a `problem` in its entry, the others are kept: `added`
and `failed` count both. The same request again counts the same parts again (`repeated`). A field
`category` that names another category than the path is refused.

The answer says what `n` images buy at the category's `alpha`: `expected_rate` is the false-alarm
rate on average over such calibrations, `rate_95` the one not exceeded in 95 of 100. With fewer
than `needed` nothing is decided. `repeated` of the `n` are the same file as an earlier one, while
both rates hold for `n` different parts.

```sh
curl -F image=@good-1.png -F image=@good-2.png \\
  http://127.0.0.1:8000/categories/metal_nut/calibration
```
"""
