"""The kinds of data that have a name; a new one adds its file, its test and a line here."""

KINDS = {
    "sklearn": "trainer.data.sources.bundled",
    "idx": "trainer.data.sources.idx",
    "images": "trainer.data.sources.image_folder",
    "csv": "trainer.data.sources.csv_table",
}
"""Kind → module with `open_source(place, data: DataConfig) -> Source`; loaded when it is asked for."""
