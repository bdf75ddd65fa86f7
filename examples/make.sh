#!/usr/bin/env bash
# Makes everything the page shows before anyone presses Run: phantoms from seeds, contoured by the shipped checkpoint.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python

$python -m llmseg data phantom examples/teaching --count 3 --seed 500000 --teaching
$python -m llmseg data phantom examples/phantoms --count 3 --seed 500100
for note in examples/{teaching,phantoms}/notes/*.txt; do
    dataset=$(dirname "$(dirname "$note")")
    id=$(basename "$note" .txt)
    image=$dataset/images/$id.nii.gz
    $python -m llmseg segment "$image" --note-file "$note" --out "$dataset/results/$id/text"
    $python -m llmseg segment "$image" --no-text --out "$dataset/results/$id/no-text"
done
