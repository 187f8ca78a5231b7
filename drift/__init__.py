"""The watching: detectors over scores, labels and vectors; knows neither `stream` nor `learners`."""
