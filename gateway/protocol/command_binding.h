// Makes a row's `prepare` function from a handler, whose signature is the command's schema.
#pragma once

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "gateway/protocol/arguments.h"
#include "gateway/protocol/command_table.h"

namespace probegate {

template <typename Handler>
struct CommandSignature;

template <typename Result, typename... Arguments>
struct CommandSignature<Result (*)(Call&, Arguments...)> {
  static constexpr size_t kCount = sizeof...(Arguments);
  using Values = std::tuple<std::decay_t<Arguments>...>;
};

// Reads one argument. If it is wrong, returns false and puts the error message into `call.text`.
template <typename T>
bool BindArgument(const Request& request, size_t index, T& argument, Call& call) {
  const auto culprit = ReadArgument(request.arguments[index], argument.value);
  if (!culprit) return true;
  call.text = ArgumentError(T::kName, Wanted(argument.value), culprit->text);
  return false;
}

// For a handler that returns nothing, the step is always kSend.
template <auto handler>
Step PrepareCommand(const Request& request, Call& call) {
  using Signature = CommandSignature<decltype(handler)>;
  typename Signature::Values values;
  return [&]<size_t... I>(std::index_sequence<I...>) {
    if (!(BindArgument(request, I, std::get<I>(values), call) && ...)) return Step::kRefuse;
    if constexpr (std::is_void_v<decltype(handler(call, std::move(std::get<I>(values))...))>) {
      handler(call, std::move(std::get<I>(values))...);
      return Step::kSend;
    } else {
      return handler(call, std::move(std::get<I>(values))...);
    }
  }(std::make_index_sequence<Signature::kCount>());
}

template <auto handler>
constexpr Command MakeCommand(std::string_view name, ResultWriter write_result = nullptr,
                              std::string_view not_found_message = {}) {
  return {name, CommandSignature<decltype(handler)>::kCount, &PrepareCommand<handler>, write_result, not_found_message};
}

}  // namespace probegate
