// probegate-load puts one kind of load on one server, and prints its measurements as one JSON object.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>

#include "CLI/CLI.hpp"
#include "tests/bench/load.h"

namespace probegate::bench {
namespace {

// The value at or below which this fraction of the samples lies.
double Percentile(const Latencies& sorted, double part) {
  const auto rank = static_cast<size_t>(part * static_cast<double>(sorted.size()));
  return sorted[std::min(rank, sorted.size() - 1)].count();
}

void Print(Latencies latencies) {
  std::sort(latencies.begin(), latencies.end());
  std::printf("{\"count\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n", latencies.size(),
              Percentile(latencies, 0.5), Percentile(latencies, 0.99), latencies.back().count());
}

void Print(const Throughput& throughput) {
  std::printf("{\"requests\": %zu, \"per_second\": %.1f}\n", throughput.requests,
              static_cast<double>(throughput.requests) / throughput.elapsed.count());
}

// The arguments of the subcommands. No subcommand takes all of them.
struct Options {
  Address address;
  StreamTarget stream;
  size_t count = 1000;
  size_t words = 16384;
  size_t depth = 32;
  size_t clients = 8;
  int64_t milliseconds = 2000;
};

// Binds each subcommand to the function that it runs.
void Declare(CLI::App& app, Options& options) {
  const auto add = [&](const char* name, const char* summary, auto run) {
    CLI::App* command = app.add_subcommand(name, summary);
    command->add_option("host", options.address.host, "An IPv4 address")->required();
    command->add_option("port", options.address.port)->required();
    command->callback([run] { Print(run()); });
    return command;
  };
  const auto add_count = [&](CLI::App* command) {
    command->add_option("--count", options.count)->check(CLI::PositiveNumber)->capture_default_str();
  };
  const auto add_clients = [&](CLI::App* command) {
    command->add_option("--clients", options.clients)->check(CLI::PositiveNumber)->capture_default_str();
  };

  add_count(add("latency", "JSON lines, one read_dp after the other",
                [&] { return JsonLatency(options.address, options.count); }));
  const auto add_stream = [&](const char* name, const char* summary, auto run) {
    CLI::App* command = app.add_subcommand(name, summary);
    command->add_option("target", options.stream.target, "HOST:PORT or unix:/PATH")->required();
    command->add_option("--tls-ca", options.stream.tls_ca, "Use TLS, with this file of authorities");
    CLI::Option* key = command->add_option("--tls-key", options.stream.tls_key, "The key of --tls-cert");
    command->add_option("--tls-cert", options.stream.tls_cert, "With TLS: the client's certificate")->needs(key);
    command->callback([run] { Print(run()); });
    add_count(command);
    return command;
  };
  add_stream("stream", "a gRPC stream, one ReadDp after the other",
             [&] { return StreamLatency(options.stream, options.count); });
  add_stream("blocks", "a gRPC stream, one block of memory after the other",
             [&] { return StreamBlocks(options.stream, options.words, options.count); })
      ->add_option("--words", options.words, "Words in a block")
      ->capture_default_str();
  add_count(add("packet", "CMSIS-DAP over TCP, one DAP_Transfer after the other",
                [&] { return PacketLatency(options.address, options.count); }));
  CLI::App* pipeline = add("pipeline", "JSON lines, batches of read_dp",
                           [&] { return JsonPipeline(options.address, options.depth, options.count); });
  add_count(pipeline);
  pipeline->add_option("--depth", options.depth, "Requests in a batch")->capture_default_str();
  CLI::App* concurrent = add("concurrent", "JSON lines, many clients with one read_dp after the other", [&] {
    return JsonConcurrent(options.address, options.clients, std::chrono::milliseconds(options.milliseconds));
  });
  add_clients(concurrent);
  concurrent->add_option("--milliseconds", options.milliseconds)->capture_default_str();
  add_clients(add("connect", "many clients connecting at once",
                  [&] { return JsonConnectAtOnce(options.address, options.clients); }));
  app.require_subcommand(1);
}

}  // namespace
}  // namespace probegate::bench

int main(int argc, char** argv) {
  CLI::App app("Puts load on a server of debug probes and prints what it measured as JSON.", "probegate-load");
  probegate::bench::Options options;
  probegate::bench::Declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    std::cerr << "probegate-load: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
