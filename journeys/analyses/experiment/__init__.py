"""Experiments: conversion per variant, with lift, interval and a check of the assignment."""

from journeys.analyses.experiment.result import Experiment
from journeys.analyses.experiment.run import experiment

__all__ = ["Experiment", "experiment"]
