"""Drawings as SVG, PNG, PDF, DOT, Mermaid and text."""
