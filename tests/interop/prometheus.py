"""A real Prometheus that scrapes a stack's programs."""

import json
import time
import urllib.parse
import urllib.request

from stack import BOUND, LOOPBACK, free_port, wait_until

# The job `often` collects many samples of each counter. The job `patient` gives each scrape far more time than it
# needs; its interval is long because Prometheus allows no time-out longer than the interval.
CONFIG = """
scrape_configs:
  - job_name: often
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs: [{targets: TARGETS}]
  - job_name: patient
    scrape_interval: 4s
    scrape_timeout: 4s
    static_configs: [{targets: TARGETS}]
"""


class Prometheus:
    def __init__(self, programs, directory, urls, config=None):
        """`programs` starts Prometheus, and ends it after the test. `config` is the path of a configuration to use instead
        of CONFIG; its targets must be those in `urls`."""
        self._targets = {program: urllib.parse.urlsplit(url).netloc for program, url in urls.items()}
        if config is None:
            config = programs.directory / "prometheus.yml"
            config.write_text(CONFIG.replace("TARGETS", json.dumps(list(self._targets.values()))))
        self.address = f"{LOOPBACK}:{free_port()}"
        self.process = programs.start(
            directory / "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={programs.directory / 'tsdb'}",
            f"--web.listen-address={self.address}",
            label="prometheus",
        )
        self.process.wait_for_line("Server is ready to receive web requests")

    def query(self, expression):
        """The result of an instant query: the labels and the value of each series."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://{self.address}/api/v1/query?{query}", timeout=BOUND) as response:
            answer = json.load(response)
        assert answer["status"] == "success", answer
        return [(series["metric"], float(series["value"][1])) for series in answer["data"]["result"]]

    def instance(self, program):
        return self._targets[program]

    def by_label(self, expression, label):
        return {labels.get(label): value for labels, value in self.query(expression)}

    def wait_for_scrapes(self):
        """Waits until each job has successfully scraped each program once more."""
        # Prometheus may shift a scrape's timestamp by up to 2 ms.
        now = time.time() + 0.01

        def answered():
            rows = self.query("timestamp(up) and up == 1")
            return len(rows) == 2 * len(self._targets) and all(value > now for _, value in rows)

        wait_until(answered, "each program has been scraped again")
