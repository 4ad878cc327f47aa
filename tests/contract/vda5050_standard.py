"""What VDA 5050 3.0 asks of messages, as a table of our own: names, types, ranges and choices of all members that the standard knows.

Source: chapters 6 and 7 of the standard. A name with `?` at its end may be missing. No other members are allowed: the standard does not forbid them,
but a name that it lacks is a misspelt one here.
"""

import math
from datetime import datetime
from typing import Any, Final

import msgspec

TEXT, TIME, YES_NO, INTEGER, COUNT, NUMBER, ANYTHING = "text", "time", "yes or no", "integer", "count", "number", "any"
NOT_NEGATIVE: Final = (0.0, math.inf)
TURN: Final = (-3.14159265359, 3.14159265359)

HEADER: Final = {"headerId": COUNT, "timestamp": TIME, "version": TEXT, "manufacturer": TEXT, "serialNumber": TEXT}
POSITION: Final = {"x": NUMBER, "y": NUMBER, "theta?": TURN, "mapId": TEXT}
DEVIATION: Final = {"a": NOT_NEGATIVE, "b": NOT_NEGATIVE, "theta": (-1.570796327, 1.570796327)}
TRAJECTORY: Final = {
    "degree?": (1.0, math.inf),
    "knotVector?": [(0.0, 1.0)],
    "controlPoints": [{"x": NUMBER, "y": NUMBER, "weight?": NUMBER}],
}
CORRIDOR: Final = {
    "leftWidth": NOT_NEGATIVE,
    "rightWidth": NOT_NEGATIVE,
    "corridorReferencePoint?": {"KINEMATIC_CENTER", "CONTOUR"},
    "releaseRequired?": YES_NO,
    "releaseLossBehavior?": {"STOP", "RETURN"},
}
PARAMETERS: Final = [{"key": TEXT, "value": ANYTHING}]
BLOCKING: Final = {"NONE", "SOFT", "SINGLE", "HARD"}
ACTION: Final = {
    "actionType": TEXT,
    "actionId": TEXT,
    "actionDescriptor?": TEXT,
    "blockingType": BLOCKING,
    "actionParameters?": PARAMETERS,
    "retriable?": YES_NO,
}
# At once means beside whatever the robot does: nothing else is allowed.
INSTANT_ACTION: Final = {**{name: of for name, of in ACTION.items() if name != "retriable?"}, "blockingType": {"NONE"}}
NODE: Final = {
    "nodeId": TEXT,
    "sequenceId": COUNT,
    "nodeDescriptor?": TEXT,
    "released": YES_NO,
    "nodePosition?": {**POSITION, "allowedDeviationXY?": DEVIATION, "allowedDeviationTheta?": (0.0, 3.141592654)},
    "actions": [ACTION],
}
EDGE: Final = {
    "edgeId": TEXT,
    "sequenceId": COUNT,
    "edgeDescriptor?": TEXT,
    "released": YES_NO,
    "maximumSpeed?": NUMBER,
    "maximumMobileRobotHeight?": NUMBER,
    "minimumLoadHandlingDeviceHeight?": NUMBER,
    "orientation?": TURN,
    "orientationType?": {"GLOBAL", "TANGENTIAL"},
    "direction?": TEXT,
    "reachOrientationBeforeEntering?": YES_NO,
    "maxRotationSpeed?": NUMBER,
    "trajectory?": TRAJECTORY,
    "length?": NUMBER,
    "corridor?": CORRIDOR,
    "actions": [ACTION],
}
ACTION_STATE: Final = {
    "actionId": TEXT,
    "actionType?": TEXT,
    "actionDescriptor?": TEXT,
    "actionStatus": {"WAITING", "INITIALIZING", "RUNNING", "PAUSED", "RETRIABLE", "FINISHED", "FAILED"},
    "actionResult?": TEXT,
}
ROBOT_POSITION: Final = {
    **POSITION,
    "theta": TURN,
    "localized": YES_NO,
    "localizationScore?": (0.0, 1.0),
    "deviationRange?": NOT_NEGATIVE,
}
ROBOT_POSITION.pop("theta?")
VELOCITY: Final = {"vx?": NUMBER, "vy?": NUMBER, "omega?": NUMBER}
REFERENCES: Final = [{"referenceKey": TEXT, "referenceValue": TEXT}]
TRANSLATIONS: Final = [{"translationKey": TEXT, "translationValue": TEXT}]
ERROR: Final = {
    "errorType": TEXT,
    "errorReferences?": REFERENCES,
    "errorDescription?": TEXT,
    "errorDescriptionTranslations?": TRANSLATIONS,
    "errorHint?": TEXT,
    "errorHintTranslations?": TRANSLATIONS,
    "errorLevel": {"WARNING", "URGENT", "CRITICAL", "FATAL"},
}
STATE: Final = {
    **HEADER,
    "orderId": TEXT,
    "orderUpdateId": COUNT,
    "lastNodeId": TEXT,
    "lastNodeSequenceId": COUNT,
    "nodeStates": [
        {"nodeId": TEXT, "sequenceId": COUNT, "nodeDescriptor?": TEXT, "released": YES_NO, "nodePosition?": POSITION}
    ],
    "edgeStates": [
        {"edgeId": TEXT, "sequenceId": COUNT, "edgeDescriptor?": TEXT, "released": YES_NO, "trajectory?": TRAJECTORY}
    ],
    "mobileRobotPosition?": ROBOT_POSITION,
    "velocity?": VELOCITY,
    "driving": YES_NO,
    "paused?": YES_NO,
    "newBaseRequest?": YES_NO,
    "distanceSinceLastNode?": NUMBER,
    "actionStates": [ACTION_STATE],
    "instantActionStates": [ACTION_STATE],
    "powerSupply": {
        "stateOfCharge": (0.0, 100.0),
        "batteryVoltage?": NUMBER,
        "batteryCurrent?": NUMBER,
        "batteryHealth?": (0.0, 100.0),
        "charging": YES_NO,
        "range?": NOT_NEGATIVE,
    },
    "operatingMode": {"STARTUP", "AUTOMATIC", "SEMIAUTOMATIC", "INTERVENED", "MANUAL", "SERVICE", "TEACH_IN"},
    "errors": [ERROR],
    "information?": [
        {
            "infoType": TEXT,
            "infoReferences?": REFERENCES,
            "infoDescriptor?": TEXT,
            "infoLevel": {"INFO", "DEBUG"},
        }
    ],
    "safetyState": {"activeEmergencyStop": {"MANUAL", "REMOTE", "NONE"}, "fieldViolation": YES_NO},
}
FACTSHEET: Final = {
    **HEADER,
    "typeSpecification": {
        "seriesName": TEXT,
        "seriesDescription?": TEXT,
        "mobileRobotKinematics": TEXT,
        "mobileRobotClass": TEXT,
        "maximumLoadMass": NOT_NEGATIVE,
        "localizationTypes": [TEXT],
        "navigationTypes": [TEXT],
    },
    "physicalParameters": {
        "minimumSpeed": NOT_NEGATIVE,
        "maximumSpeed": NOT_NEGATIVE,
        "minimumAngularSpeed?": NOT_NEGATIVE,
        "maximumAngularSpeed?": NOT_NEGATIVE,
        "maximumAcceleration": NOT_NEGATIVE,
        "maximumDeceleration": NUMBER,
        "minimumHeight": NUMBER,
        "maximumHeight": NUMBER,
        "width": NUMBER,
        "length": NUMBER,
    },
    "protocolLimits": {
        "maximumStringLengths": {"maximumMessageLength?": COUNT, "maximumIdLength?": COUNT, "idNumericalOnly?": YES_NO},
        "maximumArrayLengths": {"order.nodes?": COUNT, "order.edges?": COUNT, "node.actions?": COUNT},
        "timing": {
            "minimumOrderInterval": NOT_NEGATIVE,
            "minimumStateInterval": NOT_NEGATIVE,
            "defaultStateInterval?": NOT_NEGATIVE,
            "visualizationInterval?": NOT_NEGATIVE,
        },
    },
    "protocolFeatures": {
        "optionalParameters": [{"parameter": TEXT, "support": {"SUPPORTED", "REQUIRED"}, "description?": TEXT}],
        "mobileRobotActions": [
            {
                "actionType": TEXT,
                "actionDescription?": TEXT,
                "actionScopes": [{"INSTANT", "NODE", "EDGE", "ZONE"}],
                "actionParameters?": [
                    {
                        "key": TEXT,
                        "valueDataType": {"BOOL", "NUMBER", "INTEGER", "STRING", "OBJECT", "ARRAY"},
                        "description?": TEXT,
                        "isOptional?": YES_NO,
                    }
                ],
                "actionResult?": TEXT,
                "blockingTypes?": [BLOCKING],
                "pauseAllowed": YES_NO,
                "cancelAllowed": YES_NO,
            }
        ],
    },
    # Robots without loads, and with no more geometry than their measures.
    "mobileRobotGeometry": {},
    "loadSpecification": {},
}
MESSAGES: Final[dict[str, Any]] = {
    "connection": {**HEADER, "connectionState": {"ONLINE", "OFFLINE", "HIBERNATING", "CONNECTION_BROKEN"}},
    "state": STATE,
    "visualization": {
        **HEADER,
        "referenceStateHeaderId": COUNT,
        "mobileRobotPosition?": ROBOT_POSITION,
        "velocity?": VELOCITY,
    },
    "factsheet": FACTSHEET,
    "order": {
        **HEADER,
        "orderId": TEXT,
        "orderUpdateId": COUNT,
        "orderDescription?": TEXT,
        "nodes": [NODE],
        "edges": [EDGE],
    },
    "instantActions": {**HEADER, "actions": [INSTANT_ACTION]},
}
_TYPES: Final[dict[str, Any]] = {TEXT: str, YES_NO: bool, INTEGER: int, COUNT: int, NUMBER: (int, float)}


def deviations(kind: str, payload: bytes) -> list[str]:
    """Return what in a message is not as in the standard."""
    return _deviations(msgspec.json.decode(payload), MESSAGES[kind], kind)


def _deviations(value: Any, wanted: Any, at: str) -> list[str]:
    if isinstance(wanted, dict):
        return _of_object(value, wanted, at) if isinstance(value, dict) else [f"{at} is no object"]
    if isinstance(wanted, list):
        if not isinstance(value, list):
            return [f"{at} is no list"]
        return [found for item in value for found in _deviations(item, wanted[0], at + "[]")]
    return [] if _fits(value, wanted) else [f"{at} is {value!r}, not {wanted}"]


def _of_object(value: dict[str, Any], wanted: dict[str, Any], at: str) -> list[str]:
    known = {name.removesuffix("?"): of for name, of in wanted.items()}
    found = [f"{at} lacks {name}" for name in wanted if not name.endswith("?") and name not in value]
    found += [f"{at} has {name}, which the standard does not know" for name in value if name not in known]
    return found + [
        item for name in known.keys() & value.keys() for item in _deviations(value[name], known[name], f"{at}.{name}")
    ]


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, set):
        return value in wanted
    if isinstance(wanted, tuple):
        low, high = wanted
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if wanted == TIME:
        return isinstance(value, str) and value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None
    if wanted == ANYTHING:
        return value is not None
    if isinstance(value, bool) != (wanted == YES_NO):
        return False
    return isinstance(value, _TYPES[wanted]) and (wanted != COUNT or value >= 0)
