"""Says which chips there are, and which runtime."""
# mypy: ignore-errors

from pycoral.utils.edgetpu import get_runtime_version, list_edge_tpus, load_edgetpu_delegate, set_verbosity


def main():
    for place, chip in enumerate(list_edge_tpus()):
        print(place, chip["type"], chip["path"])
    try:
        load_edgetpu_delegate({"device": ":1000"})
    except ValueError as error:
        print(error)
    set_verbosity(0)
    print(get_runtime_version())


if __name__ == "__main__":
    main()
