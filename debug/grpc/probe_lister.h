// Asks the probegate-servers for their lists of probes.
//
// Nothing blocks, and all that is asked for at a time is asked once: whoever asks while an answer is on its way gets
// that answer, and an answer counts for everyone for kFresh. So however many clients ask, each server has at most one
// call from here, and each name is looked up at most once at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/endpoint.h"
#include "base/grpc/client_tls.h"
#include "base/server_list.h"
#include "base/timers.h"
#include "debug/plan.h"

namespace probegate {

// Threads: any.
class ProbeLister {
 public:
  static constexpr std::chrono::milliseconds kFresh{500};
  // How long names are looked up. After that, the addresses that they had before count.
  static constexpr std::chrono::milliseconds kLookupBound{1'000};
  // How long a server gets to answer.
  static constexpr std::chrono::milliseconds kAnswerBound{2'000};

  // `timers` must outlive the lister. `security` is that of the connections to the servers. `resolve` is called on
  // threads of its own, even while the program exits, if a name takes longer than that.
  ProbeLister(std::vector<Endpoint> servers, Timers& timers, ChannelSecurity security = {},
              HostResolver resolve = ResolveHost);
  // Calls whoever still waits, with an error, and waits for calls that are being cancelled.
  ~ProbeLister();
  ProbeLister(const ProbeLister&) = delete;
  ProbeLister& operator=(const ProbeLister&) = delete;

  // Calls `done` once, within kLookupBound plus kAnswerBound, at once if there is a fresh answer; otherwise on another
  // thread. The list has the probes of the servers that answered in time; a probe that several servers report is in it
  // several times. UNAVAILABLE if no server did. `done` must not block.
  void List(const ProbesCallback& done);

 private:
  class Asking;
  const std::shared_ptr<Asking> asking_;
};

}  // namespace probegate
