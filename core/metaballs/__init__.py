"""Fuzzy Metaballs beyond their renderer: conversion, carving, pose, and the paper's experiments."""
