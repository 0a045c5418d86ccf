// Carries out a lane's batches on the probe: the transfers of all their commands together, as far as their order
// allows, and everything else one by one.
//
// Threads: the lane's. Run blocks for as long as the probe takes.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/lane/lane_batch.h"
#include "server/sharing/shared_probe.h"
#include "telemetry/log.h"

namespace probegate {

class BatchRunner {
 public:
  // All of them must outlive this. `unique_id` names the probe in the log.
  BatchRunner(SharedProbe& probe, const std::string& unique_id, Log& log)
      : probe_(probe), unique_id_(unique_id), log_(log) {}

  // Carries out `batch` in order, and fills in the outcome of each item. If a command fails, only its item has the
  // error. If the batch takes too long (JobRunner::Run), the rest of it is left unfinished. A command whose session has
  // ended meanwhile fails with Interrupted(). Returns kProbeDisconnected if the probe is gone, with which all
  // unfinished items then fail; otherwise OK. `now` is when the work begins.
  absl::Status Run(Batch& batch, std::chrono::steady_clock::time_point now);

 private:
  absl::Status RunInOrder(Batch& batch);
  absl::Status RunJobs(bool& all_finished);
  absl::Status RunWithoutJob(BatchItem& item);
  absl::Status CallProbe(BatchItem& item);
  static void FinishJob(BatchItem& item, const absl::Status& gone);
  void GiveBack(LaneMember& member);

  SharedProbe& probe_;
  const std::string& unique_id_;
  Log& log_;
  std::vector<SharedProbe::Work> jobs_;  // to be sent to the probe next; a member, so that its memory is reused
};

}  // namespace probegate
