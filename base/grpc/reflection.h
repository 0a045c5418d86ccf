// grpc.reflection.v1alpha: tells clients which services a server has, and how their messages are made.
//
// gRPC's own service is not used, because it needs a thread for each grpc::Server, and there is one for each client.
//
// Threads: gRPC's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/impl/codegen/service_type.h>

namespace probegate {

inline constexpr char kReflectionService[] = "grpc.reflection.v1alpha.ServerReflection";

// A service that lists `services`, named with their package, and describes all messages linked into this program.
// Requests may have up to 4 KiB.
std::unique_ptr<grpc::Service> MakeReflection(std::vector<std::string> services);

}  // namespace probegate
