/// A small chart of what was a second ago, two, and so on: a line over an area, the newest at the right.
struct Chart {
    private let values: [UInt64]
    private let width: Int, height: Int
    /// Samples that the width stands for.
    private let length: Int

    init(_ values: [UInt64], width: Int, height: Int, length: Int = ObservedDirector.chartLength) {
        (self.values, self.width, self.height, self.length) = (Array(values.suffix(length)), width, height, length)
    }

    /// - Parameter label: what it shows, for who does not see it.
    func svg(_ label: String) -> HTML {
        let frame: HTML = "class=\"chart\" viewBox=\"0 0 \(width) \(height)\" preserveAspectRatio=\"none\" role=\"img\""
        guard values.count > 1 else { return "<svg \(frame) aria-label=\"\(label): nothing yet\"></svg>" }
        let most = max(values.max() ?? 0, 1), points = values.indices.map { point($0, most) }
        let line = points.map { "\($0.x),\($0.y)" }.joined(separator: " ")
        let area = "\(points[0].x),\(height) \(line) \(width),\(height)"
        return """
            <svg \(frame) aria-label="\(label): now \(Amount.count(values[values.count - 1])), most \(Amount.count(most)) in the last minute">\
            <polygon points="\(area)"/><polyline points="\(line)"/></svg>
            """
    }

    /// In tenths of a unit, so that no point is where its neighbour is.
    private func point(_ place: Int, _ most: UInt64) -> (x: String, y: String) {
        let right = values.count - 1 - place
        let x = Double(width) - Double(right) * Double(width) / Double(max(length - 1, 1))
        let y = Double(height) - 1 - Double(values[place]) / Double(most) * Double(height - 2)
        return (Self.tenths(x), Self.tenths(y))
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((max(value, 0) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
