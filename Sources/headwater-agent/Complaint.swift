import Platform

/// Says on standard error why this process ends; whoever started it over SSH shows it.
func complain(_ text: String) { try? writeFully(2, Array("headwater-agent: \(text)\n".utf8)) }
