"""Many small trainings from one YAML file, and the tables that they make; see `../grid.py`."""
